package outbox

import "slices"

// cut takes the power and gives it back: of everything that was not synced, a random part is there.
func (d *crashDisk) cut() {
	d.dead, d.cutAt, d.fault = false, 0, fault{}
	luck := []float64{0, 0.1, 0.5, 0.9, 1}
	if !d.firm && d.rng.IntN(2) == 0 {
		d.wipe()
		return
	}
	names, sectors := luck[d.rng.IntN(len(luck))], luck[d.rng.IntN(len(luck))]
	if d.even {
		names, d.even = 0.5, false
	}
	done := map[*inode]bool{}
	for _, path := range d.order() {
		dir := d.dirs[path]
		kept := dir.entries[:0]
		for _, e := range dir.entries {
			ino := e.disk
			if n := len(e.past); n > 0 && d.rng.Float64() < names {
				ino = e.past[d.rng.IntN(n)]
				if d.rng.IntN(2) == 0 {
					ino = e.past[n-1]
				}
			}
			if ino == nil {
				if e.now != nil {
					d.free(e.now)
				}
				continue
			}
			if !done[ino] {
				ino.settle(d, sectors)
				done[ino] = true
			} else { // two names of one file, after half a rename: two files
				ino = &inode{name: ino.name, data: slices.Clone(ino.data), disk: slices.Clone(ino.disk), dirty: make([]bool, len(ino.dirty))}
			}
			e.now, e.disk, e.past = ino, ino, e.past[:0]
			kept = append(kept, e)
		}
		dir.entries = kept
	}
}

// order of the folders, the same in every run.
func (d *crashDisk) order() []string {
	var paths []string
	for path := range d.dirs {
		paths = append(paths, path)
	}
	slices.Sort(paths)
	return paths
}

// kill ends the process and leaves the page cache.
func (d *crashDisk) kill() { d.dead, d.cutAt, d.fault = false, 0, fault{} }

// settle decides what of a file the medium has: its length and each sector on its own.
func (i *inode) settle(d *crashDisk, luck float64) {
	size := len(i.disk)
	if i.resized {
		switch d.rng.IntN(4) {
		case 0, 1:
			size = len(i.data)
		case 2: // some of the growth
			if grown := len(i.data) - len(i.disk); grown > 0 {
				size += d.rng.IntN(grown + 1)
			}
		}
	}
	out := make([]byte, size)
	fill := d.blocks(i.name, size)
	for s := range (size + sector - 1) / sector {
		from, to := s*sector, min((s+1)*sector, size)
		i.old(out[from:to], from, fill)
		if s >= len(i.dirty) || !i.dirty[s] || from >= len(i.data) {
			continue
		}
		there := i.data[from:min(to, len(i.data))]
		switch x := d.rng.Float64(); {
		case x < luck*0.8:
			copy(out[from:to], there)
		case x < luck: // torn: the first part, or the last
			at := d.rng.IntN(len(there) + 1)
			if d.rng.IntN(2) == 0 {
				copy(out[from:to], there[:at])
			} else {
				copy(out[from+at:to], there[at:])
			}
			if d.rng.IntN(3) == 0 {
				d.noise(out[max(from, min(len(i.disk), to)):to])
			}
		}
	}
	i.data, i.disk = out, slices.Clone(out)
	i.dirty = make([]bool, (size+sector-1)/sector)
	i.resized = false
}

// old is what the medium held at from before: durable bytes, then zeros up to the sector's end, then whatever was in the block.
func (i *inode) old(out []byte, from int, fill []byte) {
	if from < len(i.disk) {
		copy(out, i.disk[from:])
		return
	}
	copy(out, fill[from:])
}

// blocks are the bytes of unwritten blocks: zeros, noise, or those of a deleted file, most likely of one that had the same name.
func (d *crashDisk) blocks(name string, size int) []byte {
	b := make([]byte, size)
	switch d.rng.IntN(4) {
	case 0:
	case 1:
		d.noise(b)
	default:
		if len(d.freed) > 0 {
			old := d.freed[d.rng.IntN(len(d.freed))]
			if d.rng.IntN(4) > 0 {
				for _, f := range d.freed {
					if f.name == name {
						old = f
						break
					}
				}
			}
			copy(b, old.data)
		}
	}
	return b
}

func (d *crashDisk) noise(b []byte) {
	for i := range b {
		b[i] = byte(d.rng.Uint32())
	}
}
