// Package update replaces the gateway's program by a signed one, and takes that back when it does not prove itself. `gateway update`
// and `gateway run` use it, and the app confirms a trial.
//
// An update is one file (.lsu): a manifest (version, system, sha256, size, the oldest version that it may follow), its Ed25519
// signature by the vendor's key, whose public half gateway.yaml names (trust.update_key), and the program, compressed. The vendor
// makes one with
//
//	openssl genpkey -algorithm ed25519 -out vendor.key; openssl pkey -in vendor.key -pubout -out update.pem
//	gateway update make --key vendor.key --binary bin/linux-arm64/gateway --version 1.4.0 --out gateway-1.4.0-arm64.lsu
//
// Programs lie in two slots of the data folder, and a link says which of them counts:
//
//	update/a/gateway, update/a/signed   a program, and the signed manifest that it must fit
//	update/b/gateway, update/b/signed
//	update/current → a                  none: the installed program counts
//	update/state.json                   the trial under way, what is to be told
//
// The installed program (/usr/local/bin/linshao-gateway) never changes and is always the one that is started. Before anything else it
// looks at the slot that counts, checks signature and digest, counts the start on the disk, and becomes that program (exec: the same
// process, so systemd sees no difference). So a new program that crashes at once, hangs or does not even start is
// dealt with by one that works: when a trial has been started three times without having been confirmed, the installed
// program takes the link back. It reads nothing of gateway.yaml but the data folder and the key, because the rest may hold what
// only a newer program knows.
//
// A trial is confirmed when the gateway was well for ten minutes on end, or as long as the rollout says (rules, actions and pollers go on) and was connected to the
// cloud once, unless it had no connection before the update either. After three times as long without that it is given up: the
// gateway ends, its supervisor starts it, and the program before it counts again. A slot that was given up is not used again.
//
// The cloud may offer an update (Fetch, and gateway/app/offer.go). It names version, size and digest of the file, signed with the
// command key; the vendor's signature counts all the same. Beside the slots lies
//
//	update/fetched-<sha256>             an update file, or what is there of it
//
// What the vendor has not signed, or is older, for another machine, not the version that was said or too large for the disk, does not
// get beyond its head: nothing of it is kept. A line that breaks goes on where it broke. What was there and does not fit in the end
// is begun anew, once: only a file that came in one go refuses the offer. The trial carries the number of its rollout, so that whatever
// is killed when, the cloud is told what became of this very offer, and it is not tried twice. A full disk, another trial, an
// alert of class A or a line that is down only wait: the cloud offers it again.
//
// It promises: whenever the power goes, what counts at the next start is the installed program or a whole, signed one; an update that
// is refused changes nothing; the program before a trial stays whole until the trial is over. It does not promise that the files
// fit what an older program knows: that is what the manifest's minimum, and the ten minutes, are for.
package update
