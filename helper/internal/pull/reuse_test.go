package pull

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/jobiqo/dump-refresh/helper/internal/dumpfile"
)

// TestKnownChunksAreNotFetched pulls a dump whose chunks, but for two, lie in the cache.
func TestKnownChunksAreNotFetched(t *testing.T) {
	s := newSite(t)
	dump := bigDump()
	first, _ := write(t, dump)
	s.put(first)
	if _, err := s.pull(t.Context()); err != nil {
		t.Fatal(err)
	}
	// A chunk is new, one is damaged in the cache, and the rows come in another order.
	dump[2].sql = bytes.ReplaceAll(dump[2].sql, []byte("(1,"), []byte("(101,"))
	dump[4], dump[5] = dump[5], dump[4]
	second, sql := write(t, dump)
	index, err := dumpfile.ReadIndex(bytes.NewReader(first), int64(len(first)), dumpfile.Zstd)
	if err != nil {
		t.Fatal(err)
	}
	damaged, changed := index.Chunks[7], index.Chunks[2]
	overwrite(t, s.cachePath(), damaged.Offset+100)
	const name = "shop-20261123T063000Z-4f1c2b.sql.zst"
	if err := s.store.PutObject(s.name, "shop/"+name, second); err != nil {
		t.Fatal(err)
	}
	result, err := s.pull(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if least, most := changed.Size, changed.Size+512<<10; result.FetchedBytes < least || result.FetchedBytes > most {
		t.Errorf("%d of %d bytes are fetched, not %d to %d", result.FetchedBytes, len(second), least, most)
	}
	if result.FetchedBytes+result.CachedBytes != int64(len(second)) {
		t.Errorf("%d bytes fetched and %d cached, of %d", result.FetchedBytes, result.CachedBytes, len(second))
	}
	s.wantLoaded(sql)
	copied, err := os.ReadFile(filepath.Join(filepath.Dir(s.cachePath()), name))
	if err != nil || !bytes.Equal(copied, second) {
		t.Errorf("the cached dump has %d bytes that are not those of the object, %v", len(copied), err)
	}
}
