package wire

// Kinds of a Notice. Both ends know them from here; the cloud files one that it does not know as a notice of no kind.
const (
	NoticeDeviceSwapped   = "device_swapped"    // another device hangs where one was known
	NoticeLineOverloaded  = "line_overloaded"   // a channel cannot keep its intervals
	NoticeLineKeepsUp     = "line_keeps_up"     // it can again
	NoticeMissedAlarm     = "missed_alarm"      // a gas detector noted an alarm of which no rule told
	NoticeSensorHealth    = "sensor_health"     // a device can be trusted less than before, or more
	NoticeCommissioned    = "commissioned"      // a device was added, replaced or taken out
	NoticeFragmentLeftOut = "fragment_left_out" // a fragment of the configuration is broken: its devices are not read
	NoticeRestartRefused  = "restart_refused"   // the new site cannot be run, the one before goes on
	NoticeCertificate     = "certificate"       // the gateway cannot renew its certificate, or can again
	NoticeUpdate          = "update"            // another program runs on trial, is confirmed, or was taken back
)

// NoticeKinds are all of them.
func NoticeKinds() []string {
	return []string{NoticeDeviceSwapped, NoticeLineOverloaded, NoticeLineKeepsUp, NoticeMissedAlarm, NoticeSensorHealth, NoticeCommissioned,
		NoticeFragmentLeftOut, NoticeRestartRefused, NoticeCertificate, NoticeUpdate}
}
