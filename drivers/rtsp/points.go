package rtsp

// The points of a camera. All but Connected, State and SizeChanges are bad while the camera is down, with its reason.
const (
	// Connected is 1 while video arrives, and 0 from the first attempt that failed on. Before that it is bad, warming up.
	Connected = "connected"
	// State is one word for people: the State… constants.
	State = "state"
	// ConnectTime is how many milliseconds the present session took until the stream was set up.
	ConnectTime = "connect_ms"
	// FirstKeyTime is how many milliseconds it took until the first key frame.
	FirstKeyTime = "first_key_ms"
	// FPS is frames per second over the last five seconds.
	FPS = "fps"
	// Bitrate is the video's payload in kbit/s over the last five seconds.
	Bitrate = "bitrate"
	// BitrateRatio is the bit rate against the median of the last seven days' hours; unknown for the first three hours.
	BitrateRatio = "bitrate_ratio"
	// Collapsed is 1 when the bit rate has been below a fifth of that median for five minutes.
	Collapsed = "collapsed"
	// KeyframeAge is how many seconds ago the last key frame arrived.
	KeyframeAge = "keyframe_age"
	// KeyframeInterval is how many seconds lie between the two newest key frames.
	KeyframeInterval = "keyframe_interval"
	// FrozenPicture is 1 when the picture is suspected not to move; see the type stillness.
	FrozenPicture = "frozen"
	// BlackPicture is 1 when the picture is suspected to be black or the lens covered; see the type darkness.
	BlackPicture = "black"
	// Stuttering is 1 when frames paused or were lost three times within half a minute.
	Stuttering = "stuttering"
	// Width and Height are of the picture, in pixels.
	Width, Height = "width", "height"
	// SizeChanges counts changes of the picture's size since the driver's process began.
	SizeChanges = "size_changes"
	// ClockDrift is how much faster the clock behind the stream's time stamps runs than ours, in parts per million.
	ClockDrift = "rtp_drift"
	// ClockOffset is the camera's time of day (RTCP sender reports) minus the gateway's, in seconds.
	ClockOffset = "clock_offset"
)

// Values of State.
const (
	StateGood          = 0.0
	StateUnreachable   = 1.0 // no answer, no connection, no picture
	StateWrongPassword = 2.0
	StateRefused       = 3.0 // the camera does not give this stream
	StateFrozen        = 4.0
	StateStuttering    = 5.0
	StateBlack         = 6.0
	StateCollapsed     = 7.0
	StateUnreadable    = 8.0 // no H.264 or H.265, or nonsense
)

// pointNames are all of them.
func pointNames() []string {
	return []string{
		Connected, State, ConnectTime, FirstKeyTime, FPS, Bitrate, BitrateRatio, Collapsed, KeyframeAge, KeyframeInterval,
		FrozenPicture, BlackPicture, Stuttering, Width, Height, SizeChanges, ClockDrift, ClockOffset,
	}
}
