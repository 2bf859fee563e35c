#!/usr/bin/env bash
# The floor of a join: the same bytes copied, verified and unpacked with coreutils and tar, the same configuration files put in
# their place, containerd and kubelet started by hand. As many archives side by side as there are processors, each synced once it is
# unpacked (a loss of power may not take what runs, of a join as of this), the images imported while the kubelet is
# starting: whatever a join does besides is what it costs.
#
# In this folder: `archives` (sha256, file, tree, and the link that puts it in use or "-"; one a line), store/, configuration/.
set -euo pipefail

mark() {
  printf 'mark %s %s\n' "$1" "$EPOCHREALTIME"
}

bring() {
  cp "store/$2" "copied/$2"
  sha256sum --check --quiet <<<"$1  copied/$2"
  mkdir -p "$3"
  tar --extract --gzip --no-same-owner --file "copied/$2" --directory "$3"
  find "$3" \( -type f -o -type d \) -exec sync {} +
  [[ $4 == - ]] || ln -s "${3##*/}" "$4"
}
export -f bring

mark begin
mkdir copied
xargs --max-procs="$(nproc)" --max-lines=1 bash -euo pipefail -c 'bring "$@"' bring <archives
mark bytes
cp --archive configuration/. /
mkdir -p /opt/cni/bin
ln -s /opt/regnode/components/cni-plugins/current/* /opt/cni/bin/
sysctl --quiet --load=/etc/sysctl.d/90-regnode.conf
systemctl daemon-reload
mark configuration
systemctl start containerd
mark containerd
systemctl start kubelet
mark kubelet
for archive in /opt/regnode/components/images/*/*.tar; do
  /opt/regnode/components/containerd/current/bin/ctr --namespace k8s.io images import "$archive" >/dev/null
done
mark images
