package notify

// JudgeRobot is judge, for tests: whether the message was taken, refused for good, or the robot must rest.
func JudgeRobot(kind string, status int, said string) (ok, never, rest bool) {
	a := judge(kind, status, said)
	return a.ok, a.never, a.rest
}
