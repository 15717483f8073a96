package osdp

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"time"
)

// cardLimit is above every number that stands for a card; numbers below it are exact everywhere they travel.
const cardLimit = 1_000_000_000_000

// A card is what is kept of the last card at a reader: never its number.
type card struct {
	alias uint64 // 0: without the site's key
	at    time.Time
}

// CardAlias is cardAlias for other kinds of readers: a card has the same number at all of them. Data has as many bits, the first one
// highest in the first byte.
func CardAlias(key []byte, bits int, data []byte) uint64 { return cardAlias(key, bits, data) }

// cardAlias turns a card's bits into a number from 1 on that is the same at every reader of a site, different at every other site,
// and tells nothing of the card without the site's key.
func cardAlias(key []byte, bits int, data []byte) uint64 {
	if len(key) == 0 {
		return 0
	}
	h := hmac.New(sha256.New, key)
	h.Write(binary.LittleEndian.AppendUint16(nil, uint16(bits)))
	h.Write(data[:bits/8])
	if rest := bits % 8; rest > 0 { // what fills the last byte is no part of the card
		h.Write([]byte{data[bits/8] &^ (0xFF >> rest)})
	}
	return 1 + binary.BigEndian.Uint64(h.Sum(nil))%(cardLimit-1)
}
