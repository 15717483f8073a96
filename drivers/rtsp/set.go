package rtsp

import (
	"fmt"
	"strings"

	"github.com/bluenviron/mediacommon/v2/pkg/formats/fmp4"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/fmp4/seekablebuffer"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/mp4/codecs"
	"github.com/deepch/vdk/av"
	"github.com/deepch/vdk/codec/h264parser"
	"github.com/deepch/vdk/format/mp4f"

	mch264 "github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"
	mch265 "github.com/bluenviron/mediacommon/v2/pkg/codecs/h265"
)

// timeScale of all our files: that of RTP's video.
const timeScale = 90000

// A set is what a player must know before the first frame. It is never changed.
type set struct {
	codec         string // RFC 6381
	width, height int
	init          []byte // the file's beginning: ftyp and moov
	key           string // the parameter sets, to tell sets apart
}

// same says whether two sets are one: cameras repeat theirs with each key frame.
func (s *set) same(o *set) bool { return s == o || s != nil && o != nil && s.key == o.key }

// cost is the memory that it takes.
func (s *set) cost() int {
	if s == nil {
		return 0
	}
	return frameCost + len(s.codec) + len(s.init) + len(s.key)
}

// make is nil while parameter sets are missing or make no sense.
func (p *params) make(c codec) *set {
	if len(p.sps) < 4 || len(p.pps) == 0 || c == h265 && len(p.vps) == 0 {
		return nil
	}
	var s *set
	var err error
	if c == h265 {
		s, err = p.hevc()
	} else {
		s, err = p.avc()
	}
	if err != nil {
		return nil
	}
	s.key = s.codec + string(p.vps) + "/" + string(p.sps) + "/" + string(p.pps)
	return s
}

// avc writes the beginning of a file with the given package's muxer. That one panics on parameter sets that are broken
// in ways which another parser does not see, so the panic is an error here.
func (p *params) avc() (s *set, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("read parameter sets: %v", r)
		}
	}()
	var sps mch264.SPS
	if err := sps.Unmarshal(p.sps); err != nil {
		return nil, fmt.Errorf("read SPS: %w", err)
	}
	data, err := h264parser.NewCodecDataFromSPSAndPPS(p.sps, p.pps)
	if err != nil {
		return nil, fmt.Errorf("read parameter sets: %w", err)
	}
	streams := []av.CodecData{data}
	muxer := mp4f.NewMuxer(nil)
	if err := muxer.WriteHeader(streams); err != nil {
		return nil, fmt.Errorf("write header: %w", err)
	}
	_, init := muxer.GetInit(streams)
	if len(init) == 0 {
		return nil, fmt.Errorf("write header: nothing came of it")
	}
	codec := fmt.Sprintf("avc1.%02x%02x%02x", p.sps[1], p.sps[2], p.sps[3])
	return &set{codec: codec, width: sps.Width(), height: sps.Height(), init: init}, nil
}

// hevc writes the beginning with mediacommon: the given package's says hev1 and one fixed profile for every camera.
func (p *params) hevc() (*set, error) {
	var sps mch265.SPS
	if err := sps.Unmarshal(p.sps); err != nil {
		return nil, fmt.Errorf("read SPS: %w", err)
	}
	init := fmp4.Init{Tracks: []*fmp4.InitTrack{{ID: 1, TimeScale: timeScale, Codec: &codecs.H265{VPS: p.vps, SPS: p.sps, PPS: p.pps}}}}
	var b seekablebuffer.Buffer
	if err := init.Marshal(&b); err != nil {
		return nil, fmt.Errorf("write header: %w", err)
	}
	return &set{codec: hevcName(&sps.ProfileTierLevel), width: sps.Width(), height: sps.Height(), init: b.Bytes()}, nil
}

// hevcName is the codec's name after ISO/IEC 14496-15, annex E.
func hevcName(p *mch265.SPS_ProfileTierLevel) string {
	compatible := uint32(0)
	for i, on := range p.GeneralProfileCompatibilityFlag {
		if on {
			compatible |= 1 << i
		}
	}
	tier := "L"
	if p.GeneralTierFlag == 1 {
		tier = "H"
	}
	space := strings.TrimPrefix(string(rune('@'+p.GeneralProfileSpace)), "@")
	limits := byte(0)
	for i, on := range []bool{p.GeneralProgressiveSourceFlag, p.GeneralInterlacedSourceFlag, p.GeneralNonPackedConstraintFlag, p.GeneralFrameOnlyConstraintFlag} {
		if on {
			limits |= 0x80 >> i
		}
	}
	name := fmt.Sprintf("hvc1.%s%d.%X.%s%d", space, p.GeneralProfileIdc, compatible, tier, p.GeneralLevelIdc)
	if limits != 0 {
		name += fmt.Sprintf(".%X", limits)
	}
	return name
}
