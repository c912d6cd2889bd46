package mask

import (
	"crypto/hmac"
	"crypto/md5" //nolint:gosec // what old CMSs use
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"maps"
	"slices"
	"strings"

	"golang.org/x/crypto/argon2"
	"golang.org/x/crypto/blowfish" //nolint:staticcheck // bcrypt is made of it
)

// defaultPassword is the one with which everybody can log in to a masked site, if there is no other.
const defaultPassword = "password"

// passwordFormats makes the hash of a password as a CMS stores it, with a salt that is drawn from 16 random bytes. The costs are the CMS's
// own, except for TYPO3's: it takes 64 MB by default, and a password that everybody knows is worth less.
var passwordFormats = map[string]func(password string, salt []byte) string{
	"drupal7":   drupal7Password,
	"drupal":    bcryptPassword,
	"wordpress": wordPressPassword,
	// WordPress 6.8 puts a hash before bcrypt, which reads only 72 bytes.
	"wordpress6.8": func(password string, salt []byte) string {
		mac := hmac.New(sha512.New384, []byte("wp-sha384"))
		mac.Write([]byte(password))
		return "$wp" + bcryptPassword(base64.StdEncoding.EncodeToString(mac.Sum(nil)), salt)
	},
	"typo3": func(password string, salt []byte) string {
		const memory, passes = 16384, 2
		key := argon2.Key([]byte(password), salt, passes, memory, 1, 32)
		encode := base64.RawStdEncoding.EncodeToString
		return fmt.Sprintf("$argon2i$v=%d$m=%d,t=%d,p=1$%s$%s", argon2.Version, memory, passes, encode(salt), encode(key))
	},
	"bcrypt": bcryptPassword,
	// Magento 2 takes all its versions of hashes; 1 is SHA-256 of salt and password.
	"magento2": func(password string, salt []byte) string {
		text := hex.EncodeToString(salt)
		sum := sha256.Sum256([]byte(text + password))
		return hex.EncodeToString(sum[:]) + ":" + text + ":1"
	},
}

// PasswordFormats are the names of the hashes that password makes.
func PasswordFormats() []string { return slices.Sorted(maps.Keys(passwordFormats)) }

// password replaces hashes of passwords with that of one known password. An empty one stays: nobody can log in with it.
type password string

func newPassword(key Key, spec Spec, column Column) (Masker, error) {
	if err := onlyFor("password", column, Text, Binary); err != nil {
		return nil, err
	}
	if column.Unique {
		return nil, uniqueErr("password", "hash")
	}
	make, ok := passwordFormats[spec.Format]
	if !ok {
		return nil, fmt.Errorf("password: unknown format %q: there are %s", spec.Format, strings.Join(PasswordFormats(), ", "))
	}
	text := spec.Password
	if text == "" {
		text = defaultPassword
	}
	if len(text) > 72 {
		return nil, errors.New("password: it may have 72 bytes at most")
	}
	// The salt depends on the key alone, so that a masked row stays the same from dump to dump.
	salt := key.derive("password " + spec.Format)
	value := make(text, salt[:16])
	if column.room(len(value)) < len(value) {
		return nil, fmt.Errorf("password: a hash of format %s has %d characters, and the column has %d", spec.Format, len(value), column.room(len(value)))
	}
	return password(value), nil
}

func (m password) Mask(dst, value []byte) ([]byte, bool) {
	if len(value) == 0 {
		return dst, false
	}
	return append(dst, m...), false
}

// bcryptAlphabet is that of bcrypt's own base 64.
var bcryptAlphabet = base64.NewEncoding("./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789").WithPadding(base64.NoPadding)

// bcryptPassword is bcrypt of PHP's usual cost. The one of golang.org/x/crypto takes no salt.
func bcryptPassword(password string, salt []byte) string {
	const cost = 10
	key := append([]byte(password), 0)
	cipher, err := blowfish.NewSaltedCipher(key[:min(len(key), 72)], salt)
	if err != nil {
		panic(err) // the lengths are right
	}
	key = key[:min(len(key), 72)]
	for range 1 << cost {
		blowfish.ExpandKey(key, cipher)
		blowfish.ExpandKey(salt, cipher)
	}
	sum := []byte("OrpheanBeholderScryDoubt")
	for i := 0; i < len(sum); i += 8 {
		for range 64 {
			cipher.Encrypt(sum[i:i+8], sum[i:i+8])
		}
	}
	return fmt.Sprintf("$2y$%d$%s%s", cost, bcryptAlphabet.EncodeToString(salt), bcryptAlphabet.EncodeToString(sum[:23]))
}

func drupal7Password(password string, salt []byte) string {
	const hashLength = 55
	return portable(sha512.New, "$S$", 15, password, salt)[:hashLength]
}

func wordPressPassword(password string, salt []byte) string {
	return portable(md5.New, "$P$", 13, password, salt)
}

// phpassAlphabet is that of phpass's own base 64.
const phpassAlphabet = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// portable is a hash of phpass: 2^log rounds.
func portable(new func() hash.Hash, prefix string, log int, password string, salt []byte) string {
	text := phpass(salt[:6])
	h := new()
	h.Write([]byte(text + password))
	sum := h.Sum(nil)
	for range 1 << log {
		h.Reset()
		h.Write(sum)
		h.Write([]byte(password))
		sum = h.Sum(sum[:0])
	}
	return prefix + phpassAlphabet[log:log+1] + text + phpass(sum)
}

// phpass writes bytes in phpass's base 64, the lowest bits first.
func phpass(data []byte) string {
	var b strings.Builder
	for i := 0; i < len(data); i += 3 {
		group := data[i:min(i+3, len(data))]
		word := 0
		for j, c := range group {
			word |= int(c) << (8 * j)
		}
		for j := range len(group) + 1 {
			b.WriteByte(phpassAlphabet[word>>(6*j)&63])
		}
	}
	return b.String()
}
