package series

// Pack makes a block of a column in order of time.
func Pack(c Column) []byte { return appendBlock(nil, &c) }

// Unpack is the inverse of Pack.
func Unpack(b []byte) (Column, error) {
	c, _, err := readBlock(b)
	return c, err
}

// Unbundle decodes a bundle and answers how many points it has.
func Unbundle(b []byte) (int, error) {
	cs, err := openBundle(sealed(b), 0)
	return len(cs), err
}
