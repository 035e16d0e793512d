// Package near finds the name that was probably meant by one that is not known.
//
// It is core. It compares by characters, not bytes, so that a name in Chinese
// that is one character off is as near as one in Latin letters.
package near
