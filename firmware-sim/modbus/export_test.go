package modbus

import (
	"bytes"
)

// AnswerADUs answers the replies to the TCP frames in a stream, up to the first that is none.
func AnswerADUs(b *Bank, stream []byte) [][]byte {
	t := &TCP{cfg: TCPConfig{Bank: b}}
	var s scratch
	var replies [][]byte
	for in := bytes.NewReader(stream); ; {
		req, err := readADU(in, make([]byte, 0, 260))
		if err != nil {
			return replies
		}
		out, _ := t.answer(&s, req, nil)
		replies = append(replies, out)
	}
}
