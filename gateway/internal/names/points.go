package names

// points are the Chinese names of the points of the shipped profiles and of the gateway's own devices; a test holds them complete.
func points() map[string]string {
	return map[string]string{
		"power": "功率", "current": "电流", "voltage": "电压", "energy": "电量", "energy_export": "反向电量", "frequency": "频率", "power_factor": "功率因数",
		"voltage_l1": "A 相电压", "voltage_l2": "B 相电压", "voltage_l3": "C 相电压", "current_l1": "A 相电流", "current_l2": "B 相电流", "current_l3": "C 相电流",
		"power_l1": "A 相功率", "power_l2": "B 相功率", "power_l3": "C 相功率", "direction_l1": "A 相方向", "direction_l2": "B 相方向", "direction_l3": "C 相方向",
		"relay": "继电器", "relay_1": "继电器 1", "relay_2": "继电器 2", "plugged": "插头", "temperature": "温度", "humidity": "湿度", "co2": "二氧化碳", "voc": "挥发物",
		"particulate": "颗粒物", "illuminance": "照度", "motion": "人体感应", "sound": "声级", "input": "输入", "input_1": "输入 1", "input_2": "输入 2",
		"leakage_current": "剩余电流", "leakage_ac": "交流剩余电流", "leakage_dc": "直流剩余电流", "trip_current": "动作电流", "tripped": "已脱扣", "abnormal": "异常",
		"level": "浓度", "status": "状态", "warmup": "预热", "test": "自检", "test_word": "自检字", "expired": "到期", "expired_at": "到期日", "calibration": "标定",
		"alarm": "报警", "alarm_1": "一级报警", "alarm_2": "二级报警", "alarm_3": "三级报警", "prealarm": "预报警", "warning": "警告", "alert": "警示",
		"action_1": "一级动作", "action_2": "二级动作", "fire_1": "一级火警", "fire_2": "二级火警", "missed_alarms": "漏报警数", "newest_alarm": "最近一次报警",
		"fault": "故障", "faults": "故障", "fault_code": "故障码", "urgent_faults": "紧急故障", "sensor_fault": "传感器故障", "power_fault": "电源故障", "comm_fault": "通信故障",
		"errors": "错误", "over_range": "超上限", "under_range": "超下限", "range_code": "量程码", "sensor_type": "传感器类型", "status_bits": "状态字", "unit": "单位", "mode": "方式",
		"disabled": "已停用", "restarted": "重启过", "serial": "序列号", "detectors": "探测器数", "alarm_log": "报警记录数", "fault_log": "故障记录数", "power_off_log": "断电记录数",
		"open": "阀门", "on": "声光", "volume": "用气量", "contact": "门", "lock": "锁", "unlock": "开锁", "rex": "出门按钮", "tamper": "防拆", "fire": "消防联动",
		"card": "卡号", "card_at": "刷卡时间", "reads": "读卡次数", "keys": "按键", "led": "指示灯", "buzzer": "蜂鸣器", "online": "在线", "secure": "加密通道",
		"connected": "连接", "state": "画面状态", "connect_ms": "连接用时", "first_key_ms": "首个关键帧用时", "fps": "帧率", "bitrate": "码率", "bitrate_ratio": "码率与平时之比",
		"collapsed": "码流塌陷", "keyframe_age": "关键帧间隔", "keyframe_interval": "关键帧间距", "frozen": "画面", "black": "遮挡/黑屏", "stuttering": "卡顿", "width": "画面宽",
		"height": "画面高", "size_changes": "画面尺寸变化次数", "rtp_drift": "码流时钟漂移", "clock_offset": "时钟偏差",
	}
}
