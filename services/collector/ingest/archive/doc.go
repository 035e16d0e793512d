// Package archive reads decrypted messages of WeCom's conversation archive
// (会话存档) and of its customer service (微信客服), as a side-car that holds
// Tencent's library hands them on: JSON lines, an array, or one object.
//
// It is pure. It takes them as dirty as they come: control bytes within texts,
// numbers above 64 bits, texts where numbers should be, lines cut off. It
// guarantees that a broken message never costs the next one, and that each
// customer who took part gets the message once, under an id of its own.
//
// Messages among staff alone concern no customer; they are counted and left out.
package archive
