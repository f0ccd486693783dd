package main

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"os"

	"google.golang.org/grpc/mem"
)

const idLength = 36

// message is one prepared request. At every offset in ids a call puts its own fresh id.
type message struct {
	bytes []byte
	ids   []uint32
}

// readMessages reads a file of records, all numbers little-endian uint32: length of the message,
// count of offsets, the offsets, the bytes.
func readMessages(path string) ([]message, error) {
	rest, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	number := func() (uint32, bool) {
		if len(rest) < 4 {
			return 0, false
		}
		value := binary.LittleEndian.Uint32(rest)
		rest = rest[4:]
		return value, true
	}
	var messages []message
	for len(rest) > 0 {
		length, _ := number()
		count, ok := number()
		if !ok || uint64(count)*4 > uint64(len(rest)) {
			return nil, fmt.Errorf("%s: record %d is cut short", path, len(messages))
		}
		one := message{ids: make([]uint32, count)}
		for i := range one.ids {
			one.ids[i], _ = number()
			if uint64(one.ids[i])+idLength > uint64(length) {
				return nil, fmt.Errorf("%s: record %d has an id outside", path, len(messages))
			}
		}
		if uint64(length) > uint64(len(rest)) {
			return nil, fmt.Errorf("%s: record %d is cut short", path, len(messages))
		}
		one.bytes, rest = rest[:length:length], rest[length:]
		messages = append(messages, one)
	}
	if len(messages) == 0 {
		return nil, fmt.Errorf("%s: no messages", path)
	}
	return messages, nil
}

// request is what one call sends: a message with a fresh id, and bytes that follow it.
type request struct {
	message message
	id      [idLength]byte
	suffix  []byte
}

// freshID sets the id to the text of a random UUID.
func (r *request) freshID(random *rand.ChaCha8) {
	var raw [16]byte
	binary.LittleEndian.PutUint64(raw[:8], random.Uint64())
	binary.LittleEndian.PutUint64(raw[8:], random.Uint64())
	raw[6] = raw[6]&0x0f | 0x40
	raw[8] = raw[8]&0x3f | 0x80
	at := 0
	for i, part := range [][]byte{raw[:4], raw[4:6], raw[6:8], raw[8:10], raw[10:]} {
		if i > 0 {
			r.id[at] = '-'
			at++
		}
		at += hex.Encode(r.id[at:], part)
	}
}

// response is what came back; keep asks for its bytes.
type response struct {
	keep  bool
	bytes []byte
}

// rawCodec sends prepared bytes and does not parse answers.
type rawCodec struct{}

func (rawCodec) Name() string { return "proto" }

func (rawCodec) Marshal(value any) (mem.BufferSlice, error) {
	r := value.(*request)
	if len(r.message.ids) == 0 && len(r.suffix) == 0 {
		return mem.BufferSlice{mem.SliceBuffer(r.message.bytes)}, nil
	}
	// The transport gives the buffer back when it has been written, which may be after the call.
	pool := mem.DefaultBufferPool()
	buffer := pool.Get(len(r.message.bytes) + len(r.suffix))
	copy((*buffer)[copy(*buffer, r.message.bytes):], r.suffix)
	for _, at := range r.message.ids {
		copy((*buffer)[at:], r.id[:])
	}
	return mem.BufferSlice{mem.NewBuffer(buffer, pool)}, nil
}

func (rawCodec) Unmarshal(data mem.BufferSlice, value any) error {
	if r := value.(*response); r.keep {
		r.bytes = data.Materialize()
	}
	return nil
}
