# Starts a program for each line of its input, `name 'program' 'argument' …`, and stops them all when the input ends:
# however the process that writes those lines ended, by a panic, Ctrl-C or a SIGKILL, nothing stays behind.
folder=$1
trap '' INT TERM HUP
pids=
while read -r name command; do
	eval "exec $command" >"$folder/$name.log" 2>&1 </dev/null &
	pids="$pids $!"
done
kill -KILL $pids 2>/dev/null
wait
if [ -e "$folder/failed" ]; then
	find "$folder" -mindepth 1 ! -name '*.log' -delete 2>/dev/null
else
	rm -rf "$folder"
fi
