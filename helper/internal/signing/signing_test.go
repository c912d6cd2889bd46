package signing

import (
	"fmt"
	"testing"

	"github.com/jobiqo/dump-refresh/helper/internal/secret"
)

// These are the keys of RFC 8410, section 10, as OpenSSL writes them.
const (
	privateDER = "MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC"
	publicDER  = "MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE="
)

func TestKeys(t *testing.T) {
	for name, text := range map[string]string{"DER": privateDER, "PEM": "-----BEGIN PRIVATE KEY-----\n" + privateDER + "\n-----END PRIVATE KEY-----\n"} {
		t.Run(name, func(t *testing.T) {
			key, err := ParseKey(secret.New(text))
			if err != nil {
				t.Fatal(err)
			}
			for name, text := range map[string]string{"DER": " " + publicDER, "PEM": "-----BEGIN PUBLIC KEY-----\n" + publicDER + "\n-----END PUBLIC KEY-----\n"} {
				publics, err := ParsePublicKeys(text)
				if err != nil {
					t.Fatal(err)
				}
				signature := key.Sign([]byte("message"))
				if publics[0].Name() != key.Name() || !publics[0].Verify([]byte("message"), signature) || publics[0].Verify([]byte("massage"), signature) {
					t.Errorf("%s: the public key does not belong to it", name)
				}
			}
			if text := fmt.Sprintf("%v %+v %#v %s", key, key, key, key); text != "*** *** *** ***" {
				t.Errorf("it prints %s", text)
			}
		})
	}
	if two, err := ParsePublicKeys(publicDER + ", " + publicDER); err != nil || len(two) != 2 {
		t.Errorf("two keys: %v, %v", two, err)
	}
}

func TestNoKeys(t *testing.T) {
	const rsa = "MFwwDQYJKoZIhvcNAQEBBQADSwAwSAJBAKj34GkxFhD90vcNLYLInFEX6Ppy1tPf9Cnzj4p4WGeKLs1Pt8QuKUpRKfFLfRYC9AIKjbJTWit+CqvjWYzvQwECAwEAAQ=="
	for _, text := range []string{"", "x", publicDER, "-----BEGIN PUBLIC KEY-----\n" + privateDER + "\n-----END PUBLIC KEY-----", rsa} {
		if _, err := ParseKey(secret.New(text)); err != errPrivate {
			t.Errorf("%q: %v", text, err)
		}
	}
	for _, text := range []string{"", "x", privateDER, publicDER + ",", rsa} {
		if _, err := ParsePublicKeys(text); err != errPublic {
			t.Errorf("%q: %v", text, err)
		}
	}
	if (Key{}).IsSet() || (Key{}).Name() != "" || (PublicKey{}).Verify(nil, nil) {
		t.Error("no key is one")
	}
}
