package main

import (
	"context"
	crand "crypto/rand"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/genproto/googleapis/rpc/code"
	"google.golang.org/grpc"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protowire"
)

const (
	connectTimeout  = 10 * time.Second
	maxAnswerBytes  = 64 << 20
	streamWindow    = 1 << 20
	connWindow      = 4 << 20
	expiredInClient = "EXPIRED_IN_CLIENT"
)

// runner runs one flow.
type runner struct {
	*Flow
	recorder    *recorder
	messages    []message
	contexts    []context.Context
	connections []*grpc.ClientConn
	next        atomic.Int64
	start       time.Time
}

func newRunner(flow *Flow) (*runner, error) {
	messages, err := readMessages(flow.Messages)
	if err != nil {
		return nil, err
	}
	r := &runner{Flow: flow, recorder: newRecorder(flow.Steps), messages: messages}
	for _, pairs := range flow.Metadata {
		outgoing := metadata.NewOutgoingContext(context.Background(), metadata.New(pairs))
		r.contexts = append(r.contexts, outgoing)
	}
	if len(r.contexts) == 0 {
		r.contexts = []context.Context{context.Background()}
	}
	for range flow.Connections {
		connection, err := connect(flow.Target)
		if err != nil {
			r.close()
			return nil, err
		}
		r.connections = append(r.connections, connection)
	}
	return r, nil
}

// connect returns a connection that is ready.
func connect(target string) (*grpc.ClientConn, error) {
	connection, err := grpc.NewClient(
		"passthrough:///"+target,
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDisableRetry(),
		grpc.WithDisableServiceConfig(),
		grpc.WithInitialWindowSize(streamWindow),
		grpc.WithInitialConnWindowSize(connWindow),
		grpc.WithDefaultCallOptions(
			grpc.ForceCodecV2(rawCodec{}), grpc.MaxCallRecvMsgSize(maxAnswerBytes),
		),
	)
	if err != nil {
		return nil, err
	}
	patience, cancel := context.WithTimeout(context.Background(), connectTimeout)
	defer cancel()
	connection.Connect()
	for state := connection.GetState(); state != connectivity.Ready; state = connection.GetState() {
		if !connection.WaitForStateChange(patience, state) {
			connection.Close()
			return nil, fmt.Errorf("no connection to %s", target)
		}
	}
	return connection, nil
}

func (r *runner) close() {
	for _, connection := range r.connections {
		connection.Close()
	}
}

// run sends until the last step is over, and returns when everything is answered.
func (r *runner) run(start time.Time) {
	r.start = start
	var group sync.WaitGroup
	defer group.Wait()
	if len(r.Opens) > 0 {
		for i, open := range r.Opens {
			group.Go(func() { r.stream(r.connections[i%len(r.connections)], open) })
		}
		return
	}
	var due chan time.Duration
	if r.open() {
		due = make(chan time.Duration, r.Queue)
		defer close(due)
	}
	for _, connection := range r.connections {
		for range r.InFlight {
			group.Go(func() { r.work(connection, due) })
		}
	}
	if r.open() {
		r.schedule(due)
	}
}

func (r *runner) now() time.Duration { return time.Since(r.start) }

// schedule hands out calls at the moments when they are due.
func (r *runner) schedule(due chan<- time.Duration) {
	random := newRandom()
	intervals := rand.New(random)
	var began time.Duration
	for i, step := range r.Steps {
		end := r.recorder.ends[i]
		for at := began; *step.Rate > 0; {
			at += time.Duration(intervals.ExpFloat64() / *step.Rate * float64(time.Second))
			if at >= end {
				break
			}
			time.Sleep(at - r.now())
			r.recorder.arrived(at)
			select {
			case due <- at:
			default:
				r.recorder.heldBack(at)
			}
		}
		time.Sleep(end - r.now())
		began = end
	}
}

// work is one place for a call: it calls again and again, or whenever a call is due.
func (r *runner) work(connection *grpc.ClientConn, due <-chan time.Duration) {
	random := newRandom()
	end := r.recorder.ends[len(r.recorder.ends)-1]
	if due == nil {
		for now := r.now(); now < end; now = r.now() {
			r.recorder.arrived(now)
			r.call(connection, random, now)
		}
		return
	}
	for at := range due {
		r.call(connection, random, at)
	}
}

func (r *runner) deadline(due time.Duration) time.Time {
	return r.start.Add(due + time.Duration(r.DeadlineS*float64(time.Second)))
}

func (r *runner) call(connection *grpc.ClientConn, random *rand.ChaCha8, due time.Duration) {
	number := r.next.Add(1) - 1
	outgoing := r.contexts[number%int64(len(r.contexts))]
	limited, cancel := context.WithDeadline(outgoing, r.deadline(due))
	defer cancel()
	sent := r.now()
	if limited.Err() != nil {
		r.recorder.answered(expiredInClient, 0, due, sent, sent)
		return
	}
	request := request{message: r.messages[number%int64(len(r.messages))]}
	if len(request.message.ids) > 0 {
		request.freshID(random)
	}
	err := r.exchange(limited, connection, &request)
	r.recorder.answered(answerKey(err), 1, due, sent, r.now())
}

// exchange makes a call and receives all of its responses.
func (r *runner) exchange(limited context.Context, connection *grpc.ClientConn, sent *request) error {
	if !r.ServerStream {
		return connection.Invoke(limited, r.Method, sent, &response{})
	}
	stream, err := connection.NewStream(limited, &grpc.StreamDesc{ServerStreams: true}, r.Method)
	if err != nil {
		return err
	}
	// A failed send reports io.EOF; the status comes with the next receive.
	if err := stream.SendMsg(sent); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if err := stream.CloseSend(); err != nil {
		return err
	}
	for {
		if err := stream.RecvMsg(&response{}); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
	}
}

// answerKey returns "OK" or the status and, where there is one, its reason.
func answerKey(err error) string {
	if err == nil {
		return "OK"
	}
	failure := status.Convert(err)
	key := code.Code(failure.Code()).String()
	for _, detail := range failure.Proto().GetDetails() {
		if !strings.HasSuffix(detail.GetTypeUrl(), "/google.rpc.ErrorInfo") {
			continue
		}
		eachField(detail.GetValue(), func(field protowire.Number, value []byte, _ uint64) {
			if field == 1 {
				key += " " + string(value)
			}
		})
	}
	return key
}

func newRandom() *rand.ChaCha8 {
	var seed [32]byte
	_, _ = crand.Read(seed[:]) // never fails
	return rand.NewChaCha8(seed)
}

// eachField calls visit for the fields of a message that are numbers or have a length. It tells
// whether the bytes are a message.
func eachField(raw []byte, visit func(field protowire.Number, value []byte, number uint64)) bool {
	for len(raw) > 0 {
		field, kind, size := protowire.ConsumeTag(raw)
		if size < 0 {
			return false
		}
		raw = raw[size:]
		switch kind {
		case protowire.VarintType:
			number, length := protowire.ConsumeVarint(raw)
			visit(field, nil, number)
			size = length
		case protowire.BytesType:
			value, length := protowire.ConsumeBytes(raw)
			visit(field, value, 0)
			size = length
		default:
			size = protowire.ConsumeFieldValue(field, kind, raw)
		}
		if size < 0 {
			return false
		}
		raw = raw[size:]
	}
	return true
}
