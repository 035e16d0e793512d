// Package signs finds what a Chinese keyboard puts into a rule file where the
// rule language has another sign: ：，（）“”≥ and the like, 且, 或, 非, and tabs that
// indent. It says what to type instead, and changes nothing itself.
//
// It is core. It reads a file sign by sign, so that it also works where YAML
// refuses the file. Quoted texts, comments and values that are meant for people
// (titles, words) are left alone.
package signs
