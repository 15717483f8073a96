package osdp

import (
	"fmt"

	"github.com/linshao/linshao/drivers/device"
)

// Commands and replies (SIA OSDP v2.2, annex A).
const (
	cmdPoll    = 0x60
	cmdID      = 0x61
	cmdCap     = 0x62
	cmdLocal   = 0x64
	cmdInputs  = 0x65
	cmdOutputs = 0x66
	cmdReaders = 0x67
	cmdOut     = 0x68
	cmdLED     = 0x69
	cmdBuzzer  = 0x6A
	cmdKeySet  = 0x75
	cmdChlng   = 0x76
	cmdScrypt  = 0x77

	replyAck     = 0x40
	replyNak     = 0x41
	replyID      = 0x45
	replyCap     = 0x46
	replyLocal   = 0x48
	replyInputs  = 0x49
	replyOutputs = 0x4A
	replyReaders = 0x4B
	replyRaw     = 0x50
	replyFormat  = 0x51 // deprecated, and never understood
	replyKeypad  = 0x53
	replyCCrypt  = 0x76
	replyRMAC    = 0x78
	replyBusy    = 0x79
	replyMaker   = 0x90
)

// Reasons that a peripheral gives in a NAK.
const (
	nakCheck     = 1
	nakUnknown   = 3
	nakSequence  = 4
	nakNoSecure  = 5
	nakCondition = 6
)

// Types of a security block.
const (
	secureChallenge = 0x11
	secureCryptic   = 0x12
	secureProof     = 0x13
	secureAgreed    = 0x14
	macCommand      = 0x15
	macReply        = 0x16
	secretCommand   = 0x17
	secretReply     = 0x18
)

// Functions of a peripheral's list of capabilities.
const (
	capCheck    = 8 // bit 0 of the level: it knows CRC-16
	capSecurity = 9 // bit 0 of the level: it knows AES-128
)

// fits says whether a reply can be the answer to a command. A NAK always can.
func fits(command, reply byte) bool {
	switch command {
	case cmdPoll:
		switch reply {
		case replyAck, replyLocal, replyInputs, replyOutputs, replyReaders, replyRaw, replyFormat, replyKeypad, replyMaker:
			return true
		}
		return reply == replyNak
	case cmdID, cmdCap:
		return reply == command-cmdID+replyID || reply == replyNak
	case cmdLocal, cmdInputs, cmdOutputs, cmdReaders:
		return reply == command-cmdLocal+replyLocal || reply == replyNak
	case cmdOut:
		return reply == replyAck || reply == replyOutputs || reply == replyNak
	case cmdChlng:
		return reply == replyCCrypt || reply == replyNak
	case cmdScrypt:
		return reply == replyRMAC || reply == replyNak
	}
	return reply == replyAck || reply == replyNak
}

// A refusal is a peripheral's own no, by the number in its NAK.
type refusal byte

func (r refusal) Error() string {
	words := [...]string{1: "bad check bytes", "wrong length", "unknown command", "wrong sequence", "no secure channel here",
		"not without a secure channel", "no such biometric type", "no such biometric format", "no such record"}
	if int(r) < len(words) && words[r] != "" {
		return fmt.Sprintf("the device refuses: %s (%d)", words[r], byte(r))
	}
	return fmt.Sprintf("the device refuses (%d)", byte(r))
}

// reason is what a refusal means for a reading.
func (r refusal) reason() device.Reason {
	if r == nakUnknown {
		return device.NoSuchPoint
	}
	return device.Refused
}
