// Go's net/http: one Transport, as many workers as connections.
//
//	go_client URLS_FILE CONCURRENCY [--cacert FILE]
//
// Prints what it did as JSON; processor time is read by whoever started it.
package main

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
)

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func main() {
	file, err := os.Open(os.Args[1])
	check(err)
	concurrency, err := strconv.Atoi(os.Args[2])
	check(err)
	transport := &http.Transport{
		MaxIdleConns:        0,
		MaxIdleConnsPerHost: concurrency,
		DisableCompression:  true,
	}
	if len(os.Args) > 4 && os.Args[3] == "--cacert" {
		pem, err := os.ReadFile(os.Args[4])
		check(err)
		pool := x509.NewCertPool()
		pool.AppendCertsFromPEM(pem)
		transport.TLSClientConfig = &tls.Config{RootCAs: pool}
	}
	client := &http.Client{Transport: transport}
	urls := make(chan string, concurrency)
	var pages, ok, bytes int64
	var all sync.WaitGroup
	for i := 0; i < concurrency; i++ {
		all.Add(1)
		go func() {
			defer all.Done()
			for url := range urls {
				response, err := client.Get(url)
				check(err)
				body, err := io.ReadAll(response.Body)
				check(err)
				response.Body.Close()
				atomic.AddInt64(&pages, 1)
				atomic.AddInt64(&bytes, int64(len(body)))
				if response.StatusCode == 200 {
					atomic.AddInt64(&ok, 1)
				}
			}
		}()
	}
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		urls <- lines.Text()
	}
	close(urls)
	all.Wait()
	fmt.Printf("%d %d %d\n", pages, ok, bytes)
}
