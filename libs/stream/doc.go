// Package stream is Kafka through segmentio/kafka-go, used so that the product's
// guarantees hold.
//
// It offers topics by the catalogue, one produce request at a time per partition
// with the same records again until acknowledged ([Publisher]), fetching from a
// known offset ([Client.Fetch]), partitions owned through a consumer group's
// generations ([Client.RunGroup]), and offsets with metadata. kafka-go's Writer
// is for the collector alone: it goes on with the next batch after one that
// failed. kafka-go's Reader is not used: it can hand out a message of a
// partition that is already lost.
//
// Guarantee: at least once, in order per partition and source; exactly once is
// made by the consumers' high marks.
package stream
