// Command soak has one runtime run a day's cells in minutes and prints how its memory,
// descriptors and threads go: `make soak` calls it. It sees only the wire and /proc.
package main
