// Verifies received webhooks by Go's standard library, as docs/EVENTS.md says.
package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"strings"
)

// verify returns whether one of the signatures is by the secret.
func verify(secret, id, timestamp, signatures, body string) bool {
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
	if err != nil {
		return false
	}
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(id + "." + timestamp + "." + body))
	expected := "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
	for _, signature := range strings.Fields(signatures) {
		if hmac.Equal([]byte(signature), []byte(expected)) {
			return true
		}
	}
	return false
}

func main() {
	text, err := os.ReadFile(os.Args[1])
	var received []struct {
		Headers      map[string]string
		Body, Secret string
	}
	if err == nil {
		err = json.Unmarshal(text, &received)
	}
	if err != nil {
		panic(err)
	}
	for _, hook := range received {
		of := func(name string) string { return hook.Headers["webhook-"+name] }
		forged := strings.Replace(hook.Body, "photo.ready", "photo.ruined", 1)
		if !verify(hook.Secret, of("id"), of("timestamp"), of("signature"), hook.Body) {
			panic("a webhook was refused")
		}
		if verify(hook.Secret, of("id"), of("timestamp"), of("signature"), forged) {
			panic("a forged webhook was accepted")
		}
	}
	fmt.Printf("Go: %d webhooks verified, and forged ones refused\n", len(received))
}
