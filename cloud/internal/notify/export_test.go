package notify

import "time"

// JudgeRobot is judge, for tests: whether the message was taken, refused for good, or the robot must rest.
func JudgeRobot(kind string, status int, said string) (ok, never, rest bool) {
	a := judge(kind, status, said)
	return a.ok, a.never, a.rest
}

// NextDigest and QuietUntil are the times of a Digest and a Quiet, for tests.
func NextDigest(d Digest, now time.Time) time.Time { return d.next(now) }
func QuietUntil(q Quiet, now time.Time) time.Time  { return q.until(now) }
