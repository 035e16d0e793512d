// Package e2e proves the whole product from outside: its tests build the real
// binary, start `tagwire up` in a folder of their own on free ports, and speak to
// it as clients, WeCom, browsers and BI do. Nothing imports it.
package e2e
