# Starts a program for each line of its input, `name 'program' 'argument' …`, and stops them all when the input ends:
# however the process that writes those lines ended, by a panic, Ctrl-C or a SIGKILL, nothing stays behind. The line
# `forget FOLDER` stops them all, too, and deletes a folder of theirs.
folder=$1
trap '' INT TERM HUP
pids=
stop() {
	kill -KILL $pids 2>/dev/null
	wait
	pids=
}
while read -r name command; do
	if [ "$name" = forget ]; then
		stop
		rm -rf "${folder:?}/${command:?}"
		continue
	fi
	eval "exec $command" >>"$folder/$name.log" 2>&1 </dev/null &
	pids="$pids $!"
done
stop
if [ -e "$folder/failed" ]; then
	find "$folder" -mindepth 1 ! -name '*.log' -delete 2>/dev/null
else
	rm -rf "$folder"
fi
