package main

import (
	"bytes"
	"encoding/binary"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
)

func TestQuantilesAreAtMostABucketTooHigh(t *testing.T) {
	h := newHistogram(7)
	for i := 1; i <= 100_000; i++ {
		h.add(time.Duration(i) * time.Microsecond)
	}
	shares := []float64{0.01, 0.5, 0.95, 0.99, 0.999, 1}
	for i, found := range h.quantiles(shares...) {
		exact := shares[i] * 100
		if found < exact || found > exact*(1+1./128) {
			t.Errorf("quantile %v is %v ms, exactly %v", shares[i], found, exact)
		}
	}
}

func TestBucketsFollowOneAnother(t *testing.T) {
	h := newHistogram(4)
	for bucket := range len(h.counts) - 1 {
		upper := h.upper(bucket)
		if h.bucket(upper) != bucket || h.bucket(upper+1) != bucket+1 {
			t.Fatalf("bucket %d ends at %d, which is in %d", bucket, upper, h.bucket(upper))
		}
	}
}

func record(text string, ids ...uint32) []byte {
	raw := binary.LittleEndian.AppendUint32(nil, uint32(len(text)))
	raw = binary.LittleEndian.AppendUint32(raw, uint32(len(ids)))
	for _, id := range ids {
		raw = binary.LittleEndian.AppendUint32(raw, id)
	}
	return append(raw, text...)
}

func read(t *testing.T, raw []byte) ([]message, error) {
	path := filepath.Join(t.TempDir(), "messages")
	if err := os.WriteFile(path, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	return readMessages(path)
}

func TestEveryCallHasAnIdOfItsOwnAtEveryOffset(t *testing.T) {
	hole := strings.Repeat("-", idLength)
	messages, err := read(t, slices.Concat(record("plain"), record("<"+hole+"|"+hole+">", 1, 38)))
	if err != nil || len(messages) != 2 || string(messages[0].bytes) != "plain" {
		t.Fatal(messages, err)
	}
	form := regexp.MustCompile(`^<([0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12})\|(.{36})>!$`)
	random, seen := newRandom(), map[string]bool{}
	for range 1_000 {
		one := request{message: messages[1], suffix: []byte("!")}
		one.freshID(random)
		data, err := rawCodec{}.Marshal(&one)
		if err != nil {
			t.Fatal(err)
		}
		found := form.FindSubmatch(data.Materialize())
		if found == nil || !bytes.Equal(found[1], found[2]) || seen[string(found[1])] {
			t.Fatalf("%q", data.Materialize())
		}
		seen[string(found[1])] = true
	}
	if string(messages[1].bytes) != "<"+hole+"|"+hole+">" {
		t.Error("the prepared message was changed")
	}
}

func TestFilesThatAreCutShortAreRefused(t *testing.T) {
	whole := record(strings.Repeat("x", 40), 4)
	for length := range len(whole) {
		if _, err := read(t, whole[:length]); err == nil {
			t.Errorf("%d of %d bytes were taken", length, len(whole))
		}
	}
	if _, err := read(t, record(strings.Repeat("x", 40), 5)); err == nil {
		t.Error("an id that does not fit was taken")
	}
}

func TestCallsBelongToTheStepInWhichTheyWereDue(t *testing.T) {
	rate := 1.
	steps := []Step{{1, &rate}, {2, &rate}}
	r := newRecorder(steps)
	for _, due := range []time.Duration{0, 999 * time.Millisecond, time.Second} {
		r.arrived(due)
	}
	r.answered("OK", 32, 0, 0, 10*time.Millisecond)
	r.answered("OK", 1, 999*time.Millisecond, 1100*time.Millisecond, 1200*time.Millisecond)
	r.answered("UNAVAILABLE DRAINING", 0, time.Second, time.Second, 1500*time.Millisecond)
	r.arrived(2999 * time.Millisecond)
	r.heldBack(2999 * time.Millisecond)
	results, series := r.results(steps)
	first, second := results[0], results[1]
	if first.Arrivals != 2 || first.Sent != 2 || first.Items != 33 || first.PerS != 32 {
		t.Errorf("%+v", first)
	}
	if first.OK.Max != 100 || first.Response.Max != 201 || first.Refused != nil {
		t.Errorf("%+v %+v", first.OK, first.Response)
	}
	if second.Arrivals != 2 || second.Sent != 1 || second.NotSent != 1 || second.PerS != .5 {
		t.Errorf("%+v", second)
	}
	if second.Answers["UNAVAILABLE DRAINING"] != 1 || second.Refused.Max != 500 {
		t.Errorf("%+v", second)
	}
	if series.OK[0] != 1 || series.OK[9] != 1 || series.Failed[10] != 1 || series.Failed[29] != 1 {
		t.Errorf("%+v", series)
	}
}

func TestFieldsOfAMessage(t *testing.T) {
	raw := protowire.AppendTag(nil, 7, protowire.Fixed32Type)
	raw = protowire.AppendFixed32(raw, 1)
	raw = protowire.AppendTag(raw, responseAck, protowire.BytesType)
	raw = protowire.AppendBytes(raw, []byte("part"))
	var parts []string
	if !eachPart(raw, responseAck, func(part []byte) { parts = append(parts, string(part)) }) {
		t.Error("not taken for a message")
	}
	if !slices.Equal(parts, []string{"part"}) {
		t.Error(parts)
	}
	if eachPart(raw[:len(raw)-1], responseAck, func([]byte) {}) {
		t.Error("half a message was taken for one")
	}
}

func TestPlansThatAreRefused(t *testing.T) {
	good := `{"name":"x","target":"127.0.0.1:1","method":"/x/y","messages":"x","connections":1,` +
		`"in_flight":1,"deadline_s":1,"steps":[{"seconds":1}]}`
	for _, change := range [][2]string{
		{`127.0.0.1`, `192.0.2.1`},
		{`"connections":1`, `"connections":17`},
		{`"connections":1`, `"connections":0`},
		{`"in_flight":1`, `"in_flight":0`},
		{`"deadline_s":1`, `"deadline_s":0`},
		{`"seconds":1`, `"seconds":0`},
		{`[{"seconds":1}]`, `[]`},
		{`[{"seconds":1}]`, `[{"seconds":1},{"seconds":1,"rate":1}]`},
		{`[{"seconds":1}]`, `[{"seconds":1,"rate":-1}]`},
		{`"in_flight":1`, `"in_flight":1,"opens":["AA=="]`},
		{`"in_flight":1`, `"in_flight":1,"unknown":1`},
	} {
		var plan bytes.Buffer
		plan.WriteString(`{"flows":[` + strings.Replace(good, change[0], change[1], 1) + `]}`)
		if err := run(&plan, os.Stderr, 16); err == nil || strings.Contains(err.Error(), "no such file") {
			t.Errorf("%v: %v", change, err)
		}
	}
}
