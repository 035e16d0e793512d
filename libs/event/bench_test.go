package event

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func sample() *Event {
	at := At(time.Date(2026, 3, 2, 2, 0, 0, 0, time.UTC))
	return &Event{
		EventID: "m-1", Type: "link.open", Time: at, ReceivedAt: at, Source: "mall",
		Identities: []Identity{{Namespace: "user_id", Value: "u-1"}}, Channel: "抖音",
		Properties: Fields{"object_type": "link", "object_id": "l-17", "object_title": "春季新品资料", "page": Fields{"path": "/p/17"}},
	}
}

func BenchmarkDecode(b *testing.B) {
	text, err := sample().Encode()
	require.NoError(b, err)
	b.ReportAllocs()
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		if _, err := Decode(text); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkEncode(b *testing.B) {
	e := sample()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := e.Encode(); err != nil {
			b.Fatal(err)
		}
	}
}

func sampleRecord() *Record {
	return &Record{Kind: KindEvent, Source: "raw.1/0", Number: 16, Place: sample().ReceivedAt, Profile: "p-1", Own: sample().Identities, Event: sample(), Raw: "raw.1/0/1"}
}

func BenchmarkEncodeRecord(b *testing.B) {
	r := sampleRecord()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := r.Encode(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecodeRecord(b *testing.B) {
	text, err := sampleRecord().Encode()
	require.NoError(b, err)
	b.ReportAllocs()
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		if _, err := DecodeRecord(text); err != nil {
			b.Fatal(err)
		}
	}
}
