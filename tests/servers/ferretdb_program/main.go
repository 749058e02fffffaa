// FerretDB over SQLite, on an address and over a folder: MongoDB's protocol in other hands (tests/servers/mongodb.py builds and runs it).
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/FerretDB/FerretDB/ferretdb"
)

func main() {
	ctx, _ := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	server, err := ferretdb.New(&ferretdb.Config{Listener: ferretdb.ListenerConfig{TCP: os.Args[1]}, Handler: "sqlite", SQLiteURL: "file:" + os.Args[2] + "/"})
	if err != nil {
		panic(err)
	}
	server.Run(ctx)
}
