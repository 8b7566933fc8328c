// Package cache shares what umlab made between stores, as signed artifacts of a registry: it packs and pushes what this store has,
// and pulls, verifies and unpacks what others put there. It may import tree, store, unpack, progress and usage; what speaks to a
// registry is passed to it, and it believes nothing that no known key signed.
package cache
