// Package outbox keeps the records of one stream on disk until the cloud has them, and after that as local history until
// their room is needed. The pipeline appends, the uplink reads and acknowledges, charts and replays read what is left.
//
// It promises: what Append returned without an error survives a kill -9 (and, with Config.Sync zero, a power cut); a wrong
// byte is never handed out; a sequence number is never given to two records; what cannot be kept becomes a Gap with a
// reason; and Open never fails because of damage. DESIGN.md has the format and what happens at each failure.
package outbox
