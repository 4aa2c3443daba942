# Sourced by `build` and `run`: where the programs of the control plane are. TEST_ASSET_* names one of them,
# KUBEBUILDER_ASSETS a folder that may hold some; what is left is built into a cache, a folder per version.
programs="etcd kube-apiserver kube-controller-manager kubectl"

version() { # of a module, in a go.mod
	awk -v module="$1" '$1 == module { print $2; exit } $1 == "require" && $2 == module { print $3; exit }' "$2"
}

kubernetes=$(version k8s.io/kubernetes "$here/go.mod")
etcd=$(version go.etcd.io/etcd/server/v3 "$here/etcd/go.mod")
cache=${XDG_CACHE_HOME:-$HOME/.cache}/sealed-secrets/kubernetes-$kubernetes-etcd-$etcd

variable() { echo "TEST_ASSET_$1" | tr a-z- A-Z_; }

place() { # of a program; it may not be there
	local named
	named=$(variable "$1")
	if [ -n "${!named:-}" ]; then
		echo "${!named}"
	elif [ -n "${KUBEBUILDER_ASSETS:-}" ] && { [ ! -d "$KUBEBUILDER_ASSETS" ] || [ -x "$KUBEBUILDER_ASSETS/$1" ]; }; then
		echo "$KUBEBUILDER_ASSETS/$1"
	else
		echo "$cache/$1"
	fi
}
