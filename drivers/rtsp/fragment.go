package rtsp

import (
	"encoding/binary"
	"time"

	"github.com/deepch/vdk/format/mp4/mp4io"
	"github.com/deepch/vdk/format/mp4f/mp4fio"
)

// Flags of a sample, and of the boxes that hold them (ISO/IEC 14496-12).
const (
	sampleKey   = 0x02000000 // depends on no other
	sampleOther = 0x01010000 // depends on others, no point of entry
	runFlags    = 0x000f01   // offset; of each sample duration, size, flags, composition time
	eachFlagged = 0x400
)

// ticks of a time, in 1/90000 s.
func ticks(d time.Duration) int64 { return int64(d) * (timeScale / 1000) / int64(time.Millisecond) }

// fragment writes moof and mdat of frames that follow one another; begin is what their times are counted from, end when the
// last one is over. It uses the given package's boxes but not its muxer's packets, which call every frame a point of entry.
func fragment(number int, begin time.Duration, frames []*frame, end time.Duration) []byte {
	entries := make([]mp4io.TrackFragRunEntry, len(frames))
	size := 8
	for i, f := range frames {
		next := end
		if i+1 < len(frames) {
			next = frames[i+1].at
		}
		e := mp4io.TrackFragRunEntry{
			Duration: uint32(max(1, ticks(next-begin)-ticks(f.at-begin))), Size: uint32(len(f.data)), Flags: sampleOther, Cts: uint32(f.cts),
		}
		if f.key {
			e.Flags = sampleKey
		}
		entries[i] = e
		size += len(f.data)
	}
	run := &mp4fio.TrackFragRun{Flags: runFlags, FirstSampleFlags: eachFlagged, Entries: entries}
	moof := mp4fio.MovieFrag{
		Header: &mp4fio.MovieFragHeader{Seqnum: uint32(number)},
		Tracks: []*mp4fio.TrackFrag{{
			Header:     &mp4fio.TrackFragHeader{Data: []byte{0, 2, 0, 0, 0, 0, 0, 1}}, // offsets count from the moof; track 1
			DecodeTime: &mp4fio.TrackFragDecodeTime{Version: 1, Time: uint64(ticks(frames[0].at - begin))},
			Run:        run,
		}},
	}
	head := moof.Len()
	run.DataOffset = uint32(head + 8)
	out := make([]byte, head, head+size)
	moof.Marshal(out)
	out = append(binary.BigEndian.AppendUint32(out, uint32(size)), "mdat"...)
	for _, f := range frames {
		out = append(out, f.data...)
	}
	return out
}
