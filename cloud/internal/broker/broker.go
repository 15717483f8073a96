// Package broker carries messages between gateways and ingest: Embedded is our own MQTT broker, External is a client of
// any other MQTT 3.1.1 broker. Both hand every message to the same Handler and publish its replies with QoS 0; neither
// is trusted to keep anything.
package broker

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"os"
	"time"

	"github.com/linshao/linshao/cloud/internal/ingest"
)

// A Handler takes the messages.
type Handler interface {
	// Handle takes one message; an error means that it must not be confirmed.
	Handle(ctx context.Context, topic string, payload []byte) ([]ingest.Reply, error)
	// Heard notes a sign of life of a connection that promises one every keepAlive; 0: it promises none.
	Heard(gateway string, keepAlive time.Duration)
	// Disconnected notes the end of a gateway's connection.
	Disconnected(ctx context.Context, gateway string) error
}

// ServerTLS is the configuration of a listener that lets in only clients with a certificate of the CA.
func ServerTLS(caFile, certFile, keyFile string) (*tls.Config, error) {
	pool, err := loadPool(caFile)
	if err != nil {
		return nil, err
	}
	pair, err := OpenPair(certFile, keyFile)
	if err != nil {
		return nil, err
	}
	return &tls.Config{MinVersion: tls.VersionTLS13, GetCertificate: pair.Get, ClientCAs: pool, ClientAuth: tls.RequireAndVerifyClientCert,
		VerifyConnection: sturdy}, nil
}

// ClientTLS is the configuration of a connection to an external broker. Certificate and key may be empty.
func ClientTLS(caFile, certFile, keyFile string) (*tls.Config, error) {
	c := &tls.Config{MinVersion: tls.VersionTLS12}
	var err error
	if caFile != "" {
		if c.RootCAs, err = loadPool(caFile); err != nil {
			return nil, err
		}
	}
	if certFile != "" {
		pair, err := OpenPair(certFile, keyFile)
		if err != nil {
			return nil, err
		}
		c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return pair.Get(nil) } // one that was renewed counts from the next connection on
	}
	return c, nil
}

func loadPool(file string) (*x509.CertPool, error) {
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("load CA: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("load CA %s: it holds no certificate", file)
	}
	return pool, nil
}

// Loopback says whether an address to listen on can be reached from this machine alone.
func Loopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return false
	}
	if host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}
