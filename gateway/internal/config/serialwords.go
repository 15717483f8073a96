package config

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"

	"github.com/linshao/linshao/drivers/device"
)

var serialWord = regexp.MustCompile(`^(\d{3,6})(?:[- ]?8([NEO])([12]))?$`)

// ParseSerial reads the settings of a line as installers write them, "9600-8E1" or "9600 8E1". A baud alone stands for the two that
// are usual with it: 8N1 and 8E1.
func ParseSerial(word string) ([]device.Serial, error) {
	m := serialWord.FindStringSubmatch(word)
	if m == nil {
		return nil, fmt.Errorf("%q is no setting of a line: 9600 or 9600-8E1", word)
	}
	baud, err := strconv.Atoi(m[1])
	if err != nil || !slices.Contains(bauds(), baud) {
		return nil, fmt.Errorf("baud %s is not usable: common are 2400, 4800, 9600, 19200 and 115200", m[1])
	}
	if m[2] == "" {
		return []device.Serial{{Baud: baud, Parity: device.ParityNone, StopBits: 1}, {Baud: baud, Parity: device.ParityEven, StopBits: 1}}, nil
	}
	parity := map[string]device.Parity{"N": device.ParityNone, "E": device.ParityEven, "O": device.ParityOdd}[m[2]]
	return []device.Serial{{Baud: baud, Parity: parity, StopBits: int(m[3][0] - '0')}}, nil
}
