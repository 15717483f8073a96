package incident

// sessionWords are people's names of what a rule sees of a charging session.
func sessionWords(point string) Text {
	switch point {
	case "session.duration":
		return Text{"本次充电时长", "charging time"}
	case "session.energy":
		return Text{"本次充电量", "energy charged"}
	case "session.peak":
		return Text{"本次最大功率", "peak power"}
	case "session.tail":
		return Text{"浮充时长", "time of trickling"}
	case "session.flat":
		return Text{"满功率时长", "time near the peak"}
	case "session.phase":
		return Text{"充电阶段", "phase of the charge"}
	case "session.uncertain":
		return Text{"曲线不确定", "shape not recognised"}
	case "session.start":
		return Text{"起始功率", "power at the beginning"}
	case "session.knee":
		return Text{"已过拐点", "past the knee"}
	case "session.steps":
		return Text{"尾段变化次数", "steps in the tail"}
	case "session.swings":
		return Text{"功率起落次数", "power cycles"}
	case "session.rise_after_knee":
		return Text{"尾段功率回升", "rise after the knee"}
	case "session.hole":
		return Text{"数据空白时长", "time without data"}
	case "session.holes":
		return Text{"数据空白次数", "gaps in the data"}
	case "session.hottest":
		return Text{"本次最高温度", "highest temperature"}
	case "baseline.sessions":
		return Text{"以往充电次数", "earlier charges"}
	case "baseline.energy":
		return Text{"以往充电量", "usual energy"}
	case "baseline.energy_p90":
		return Text{"以往充电量（九成不超过）", "energy of nine in ten"}
	case "baseline.peak":
		return Text{"以往最大功率", "usual peak"}
	case "baseline.duration":
		return Text{"以往充电时长", "usual charging time"}
	case "session.capacity":
		return Text{"电池容量", "battery's capacity"}
	}
	return Text{point, point}
}
