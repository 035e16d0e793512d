// Package cli is the command line of tagwire. Every command takes --json; what
// people read is in Chinese and English.
package cli
