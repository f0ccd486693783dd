package main

import (
	"context"
	"errors"
	"io"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/encoding/protowire"
)

// Fields of IngestMemoriesRequest, IngestMemoriesResponse and their parts.
const (
	requestBatch       = 2
	batchFirstSequence = 1
	responseOpened     = 1
	responseAck        = 2
	ackedSequence      = 1
	openedFlow         = 3
	flowMaxInFlight    = 1
	ackOutcome         = 2
	outcomeStatus      = 4
)

// batch is one that was sent and is not settled.
type batch struct {
	last int64
	sent time.Duration
}

// ingest is one stream of IngestMemories.
type ingest struct {
	*runner
	grpc.ClientStream
	places  chan struct{}
	pending chan batch
}

// stream sends batches on one stream, at most InFlight of them not settled, until the steps are
// over, and returns when all are settled or the server has ended the stream.
func (r *runner) stream(connection *grpc.ClientConn, open []byte) {
	end := r.recorder.ends[len(r.recorder.ends)-1]
	limited, cancel := context.WithDeadline(r.contexts[0], r.deadline(end))
	defer cancel()
	shape := &grpc.StreamDesc{ClientStreams: true, ServerStreams: true}
	client, err := connection.NewStream(limited, shape, r.Method)
	if err != nil {
		r.recorder.answered(answerKey(err), 0, 0, 0, r.now())
		return
	}
	s := ingest{runner: r, ClientStream: client}
	next, err := s.open(open)
	if err != nil {
		r.recorder.answered(answerKey(err), 0, 0, 0, r.now())
		return
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		s.settle()
	}()
	s.send(next, end, ended)
	_ = client.CloseSend()
	<-ended
}

// open opens the stream and returns the sequence of the first item to send.
func (s *ingest) open(open []byte) (int64, error) {
	if err := s.SendMsg(&request{message: message{bytes: open}}); err != nil && err != io.EOF {
		return 0, err
	}
	answer := response{keep: true}
	if err := s.RecvMsg(&answer); err != nil {
		return 0, err
	}
	acked, allowed, opened := int64(0), int64(s.InFlight)*s.BatchItems, false
	whole := eachPart(answer.bytes, responseOpened, func(raw []byte) {
		opened = true
		eachField(raw, func(field protowire.Number, value []byte, number uint64) {
			switch field {
			case ackedSequence:
				acked = int64(number)
			case openedFlow:
				eachField(value, func(field protowire.Number, _ []byte, number uint64) {
					if field == flowMaxInFlight {
						allowed = int64(number)
					}
				})
			}
		})
	})
	if !whole || !opened {
		return 0, errors.New("the first message of the server does not open the stream")
	}
	window := max(1, min(int64(s.InFlight), allowed/s.BatchItems))
	s.places, s.pending = make(chan struct{}, window), make(chan batch, window)
	return acked + 1, nil
}

func (s *ingest) send(next int64, end time.Duration, ended <-chan struct{}) {
	random := newRandom()
	for {
		select {
		case s.places <- struct{}{}:
		case <-ended:
			return
		}
		now := s.now()
		if now >= end {
			return
		}
		number := s.next.Add(1) - 1
		request := request{message: s.messages[number%int64(len(s.messages))]}
		request.freshID(random)
		// A message of protobuf may come in parts: this one adds the sequence to the batch.
		first := protowire.AppendTag(nil, batchFirstSequence, protowire.VarintType)
		first = protowire.AppendVarint(first, uint64(next))
		request.suffix = protowire.AppendTag(nil, requestBatch, protowire.BytesType)
		request.suffix = protowire.AppendBytes(request.suffix, first)
		next += s.BatchItems
		s.recorder.arrived(now)
		s.pending <- batch{next - 1, now}
		if s.SendMsg(&request) != nil {
			return // settle hears why
		}
	}
}

// settle counts acknowledged batches until the server ends the stream, and then what is left.
func (s *ingest) settle() {
	var oldest *batch
	for {
		answer := response{keep: true}
		err := s.RecvMsg(&answer)
		if err != nil {
			key := "UNSETTLED"
			if err != io.EOF {
				key = answerKey(err)
			}
			for oldest = s.take(oldest); oldest != nil; oldest = s.take(nil) {
				s.recorder.answered(key, 0, oldest.sent, oldest.sent, s.now())
			}
			return
		}
		eachPart(answer.bytes, responseAck, func(ack []byte) {
			acked := s.readAck(ack)
			for oldest = s.take(oldest); oldest != nil && oldest.last <= acked; {
				s.recorder.answered("OK", s.BatchItems, oldest.sent, oldest.sent, s.now())
				<-s.places
				oldest = s.take(nil)
			}
		})
	}
}

// take returns the batch that it is given or, when there is none, the oldest one sent.
func (s *ingest) take(oldest *batch) *batch {
	if oldest != nil {
		return oldest
	}
	select {
	case next := <-s.pending:
		return &next
	default:
		return nil
	}
}

// readAck returns the last settled item and counts those that failed.
func (s *ingest) readAck(ack []byte) (acked int64) {
	eachField(ack, func(field protowire.Number, value []byte, number uint64) {
		switch field {
		case ackedSequence:
			acked = int64(number)
		case ackOutcome:
			eachPart(value, outcomeStatus, func([]byte) { s.recorder.failedItem(s.now()) })
		}
	})
	return acked
}

// eachPart calls visit for the messages in one field. It tells whether the bytes are a message.
func eachPart(raw []byte, part protowire.Number, visit func([]byte)) bool {
	return eachField(raw, func(field protowire.Number, value []byte, _ uint64) {
		if field == part && value != nil {
			visit(value)
		}
	})
}
