package linetest

// A Fault is something that happens to one exchange on a Rough line.
type Fault int

// The faults.
const (
	None           Fault = iota
	RequestDamaged       // the devices hear something else
	RequestLost
	AnswerLost
	AnswerDamaged   // up to three bits of it
	AnswerCut       // its end is missing
	NoiseBefore     // stray bytes
	NoiseAfter      //
	NoiseAlone      //
	Late            // after the time-out, not later than Latest
	NoiseThenLate   // the same, and something wrong at once
	Echo            // the request comes back before the answer
	Twice           // merged with the first
	Split           // into pieces with pauses, as slow adapters do
	Dripping        // byte by byte
	LieAlone        // see Devices.Lie
	LieBefore       // and the right answer behind it
	Unasked         // a device speaks long after the exchange
	HangUp          // the line is gone
	HangUpInAnswer  // in the middle of it
	numberOfFaults  //
	spoiledOneOf    = 3
	deliveredAtMost = 4096
	memory          = 512 // so many frames of before are known as said
)

// String names a fault, for reports.
func (f Fault) String() string {
	return [...]string{"none", "request damaged", "request lost", "answer lost", "answer damaged", "answer cut", "noise before", "noise after",
		"noise alone", "late", "noise, then late", "echo", "twice", "split", "dripping", "lie", "lie before", "unasked", "hang-up", "hang-up in answer"}[f]
}
