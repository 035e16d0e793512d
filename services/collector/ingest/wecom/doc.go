// Package wecom reads the callbacks of WeCom (企业微信): it checks the signature,
// decrypts, and turns the XML within into events.
//
// It is pure. It guarantees that nothing is decrypted before its signature is
// right, that no forged text makes it panic, that no event type is dropped (an
// unknown one becomes wecom.unknown with all its elements), and that one
// callback sent again gives the same event ids: they are made of the decrypted
// XML, since callbacks carry no id and several may come in one second.
//
// It does not call WeCom: what a callback only names (a contact's name, a
// group's members) is fetched by the connector.
package wecom
