package data

import (
	"fmt"
	"strconv"
)

// nodesPerMB is how many nodes, with everything that belongs to them, make a million bytes of SQL text. fixedMB is the
// size of a site without content.
const (
	nodesPerMB = 42.0
	fixedMB    = 1.3
)

// site has the number of items of each kind.
type site struct{ nodes, users, terms int }

func siteOf(o Options) site {
	nodes := max(20, int((float64(o.MB)-fixedMB)*nodesPerMB))
	return site{nodes: nodes, users: nodes/6 + 10, terms: nodes/15 + 30}
}

// Rows that each entity has in its field tables.
const (
	fieldColumns = `
bundle ascii(128)
deleted tiny
entity_id uint
revision_id uint
langcode ascii(32)
delta uint
`
	fieldKeys = `
primary entity_id,deleted,delta,langcode
key bundle bundle
key revision_id revision_id
`
	revisionFieldKeys = `
primary entity_id,revision_id,deleted,delta,langcode
key bundle bundle
key revision_id revision_id
`
	cacheColumns = `
cid ascii(255)
data blob null
expire bigint
created decimal(14,3)
serialized small
tags text null
checksum ascii(255)
`
	cacheKeys = `
primary cid
key expire expire
key created created
`
)

// tables returns the tables in order of their names, as dump clients do.
func tables(d Dialect, o Options) []table {
	s := siteOf(o)
	n := s.nodes
	list := []table{
		cache("cache_bootstrap", 12, (*maker).cacheBinary),
		cache("cache_config", 150, (*maker).cacheConfig),
		cache("cache_data", n/8+20, (*maker).cacheBinary),
		cache("cache_default", 60, (*maker).cacheConfig),
		cache("cache_discovery", 40, (*maker).cacheConfig),
		cache("cache_dynamic_page_cache", n/5, (*maker).cacheRender),
		cache("cache_entity", n/2, (*maker).cacheEntity),
		cache("cache_menu", 30, (*maker).cacheConfig),
		cache("cache_page", n/10, (*maker).cachePage),
		cache("cache_render", n/3, (*maker).cacheRender),
		{name: "cachetags", comment: "Cache table for tracking cache tag invalidations.", columns: "tag ascii(255)\ninvalidations int\n",
			keys: "primary tag\n", count: n, rowBytes: 20, fill: (*maker).cacheTag},
		{name: "config", comment: "The base table for configuration data.", columns: "collection ascii(255)\nname ascii(255)\ndata blob null\n",
			keys: "primary collection,name\n", count: 240, rowBytes: 900, fill: (*maker).config},
		{name: "file_managed", comment: "The base table for file entities.", columns: `
fid serial
uuid ascii(128)
langcode ascii(12)
uid uint null
filename varchar(255) null
uri binary(255)
filemime ascii(255) null
filesize bigint null
status tiny
created int null
changed int
`, keys: "primary fid\nunique file_field__uuid__value uuid\nkey file_field__uid__target_id uid\nkey file_field__uri uri\n",
			count: n/2 + 1, rowBytes: 240, fill: (*maker).file},
		{name: "file_usage", comment: "Track where a file is used.", columns: "fid uint\nmodule ascii(50)\ntype ascii(64)\nid ascii(64)\ncount uint\n",
			keys: "primary fid,type,id,module\nkey type_id type,id\n", count: n/2 + 1, rowBytes: 30, fill: (*maker).fileUsage},
		{name: "flood", comment: "Flood controls the threshold of events, such as the number of contact attempts.", columns: `
fid serial
event ascii(64)
identifier ascii(128)
timestamp int
expiration int
`, keys: "primary fid\nkey allow event,identifier,timestamp\n", count: 0, rowBytes: 60},
		{name: "history", comment: "A record of which users have read which nodes.", columns: "uid uint\nnid uint\ntimestamp int\n",
			keys: "primary uid,nid\nkey nid nid\n", count: s.users * 3, rowBytes: 24, fill: (*maker).history},
		{name: "job_statistics", comment: "Views; applications and 'revenue' of a job by day.", columns: `
job_id uint
day date
channel enum
views uint
applications int null
revenue decimal(12,4) null
rate double null
score float
counted datetime null
`, keys: "primary job_id,day,channel\nkey day day\n", count: n * 5, rowBytes: 85, fill: (*maker).statistics},
		{name: "key_value", comment: "Generic key-value storage table. See the state system for an example.", columns: "collection ascii(128)\nname ascii(128)\nvalue blob\n",
			keys: "primary collection,name\n", count: 160, rowBytes: 500, fill: (*maker).keyValue},
		{name: "key_value_expire", comment: "Generic key/value storage table with an expiration.", columns: "collection ascii(128)\nname ascii(128)\nvalue blob\nexpire int\n",
			keys: "primary collection,name\nkey expire expire\n", count: 40, rowBytes: 500, fill: (*maker).keyValueExpire},
		{name: "node", comment: "The base table for node entities.", columns: "nid serial\nvid uint null\ntype ascii(32)\nuuid ascii(128)\nlangcode ascii(12)\n",
			keys: "primary nid\nunique node_field__uuid__value uuid\nunique node__vid vid\nkey node_field__type__target_id type\n", count: n, rowBytes: 65, fill: (*maker).node},
		{name: "node__body", comment: "Data storage for node field body.", columns: fieldColumns + "body_value text\nbody_summary text null\nbody_format ascii(255) null\n",
			keys: fieldKeys + "key body_format body_format\n", count: n, rowBytes: 3400, fill: (*maker).body},
		{name: "node__field_closing_date", comment: "Data storage for node field field_closing_date.", columns: fieldColumns + "field_closing_date_value varchar(20)\n",
			keys: fieldKeys + "key field_closing_date_value field_closing_date_value\n", count: n, rowBytes: 50, fill: (*maker).closingDate},
		{name: "node__field_image", comment: "Data storage for node field field_image.", columns: fieldColumns + `
field_image_target_id uint
field_image_alt varchar(512) null
field_image_title varchar(1024) null
field_image_width uint null
field_image_height uint null
`, keys: fieldKeys + "key field_image_target_id field_image_target_id\n", count: n / 2, rowBytes: 110, fill: (*maker).image},
		{name: "node__field_salary", comment: "Data storage for node field field_salary.", columns: fieldColumns + "field_salary_minimum decimal(12,2) null\nfield_salary_maximum decimal(12,2) null\nfield_salary_currency ascii(3)\n",
			keys: fieldKeys, count: n, rowBytes: 60, fill: (*maker).salary},
		{name: "node__field_tags", comment: "Data storage for node field field_tags.", columns: fieldColumns + "field_tags_target_id uint\n",
			keys: fieldKeys + "key field_tags_target_id field_tags_target_id\n", count: n * 3, rowBytes: 30, fill: (*maker).tags},
		{name: "node_field_data", comment: "The data table for node entities.", columns: nodeDataColumns,
			keys: "primary nid,langcode\nkey node__vid vid\nkey node_field__type__target_id type\nkey node_field__created created\nkey node__status_type status,type,nid\n", count: n, rowBytes: 120, fill: (*maker).nodeData},
		{name: "node_field_revision", comment: "The revision data table for node entities.", columns: nodeDataColumns,
			keys: "primary vid,langcode\nkey nid nid\n", count: 2 * n, rowBytes: 120, fill: (*maker).nodeDataRevision},
		{name: "node_revision", comment: "The revision table for node entities.", columns: `
vid serial
nid uint
langcode ascii(12)
revision_uid uint null
revision_timestamp int null
revision_log text null
revision_default tiny null
`, keys: "primary vid\nkey node__nid nid\nkey node_field__revision_uid__target_id revision_uid\n", count: 2 * n, rowBytes: 60, fill: (*maker).nodeRevision},
		{name: "node_revision__body", comment: "Revision archive storage for node field body.", columns: fieldColumns + "body_value text\nbody_summary text null\nbody_format ascii(255) null\n",
			keys: revisionFieldKeys + "key body_format body_format\n", count: 2 * n, rowBytes: 3400, fill: (*maker).bodyRevision},
		{name: "queue", comment: "Stores items in queues.", columns: "item_id serial\nname ascii(255)\ndata blob null\nexpire int\ncreated int\n",
			keys: "primary item_id\nkey name_created name,created\n", count: n / 20, rowBytes: 200, fill: (*maker).queue},
		{name: "search_dataset", comment: "Stores items that will be searched.", columns: "sid uint\nlangcode ascii(12)\ntype ascii(64)\ndata text\nreindex uint\n",
			keys: "primary sid,langcode,type\n", count: n, rowBytes: 1800, fill: (*maker).searchDataset},
		{name: "search_index", comment: "Stores the search index, associating words, items and scores.", columns: "word varchar(50)\nsid uint\nlangcode ascii(12)\ntype ascii(64)\nscore float null\n",
			keys: "primary word,sid,langcode,type\nkey sid_type sid,langcode,type\n", count: s.wordsIndexed() * len(sortedWords), rowBytes: 40, fill: (*maker).searchIndex},
		{name: "search_total", comment: "Stores search totals for words.", columns: "word varchar(50)\ncount float null\n",
			keys: "primary word\n", count: len(sortedWords), rowBytes: 20, fill: (*maker).searchTotal},
		{name: "semaphore", comment: "Table for holding semaphores, locks, flags, etc.", columns: "name ascii(255)\nvalue ascii(255)\nexpire double\n",
			keys: "primary name\nkey value value\nkey expire expire\n", count: 0, rowBytes: 60},
		{name: "sessions", comment: "Drupal's session handlers read and write into the sessions table.", columns: "uid uint\nsid ascii(128)\nhostname ascii(128)\ntimestamp int\nsession blob null\n",
			keys: "primary sid\nkey timestamp timestamp\nkey uid uid\n", count: s.users / 2, rowBytes: 420, fill: (*maker).session},
		{name: "taxonomy_index", comment: "Maintains denormalized information about node/term relationships.", columns: "nid uint\ntid uint\nstatus int\nsticky tiny null\ncreated int\n",
			keys: "primary nid,tid\nkey term_node tid,status,sticky,created\n", count: n * 3, rowBytes: 32, fill: (*maker).taxonomyIndex},
		{name: "taxonomy_term_data", comment: "The base table for taxonomy_term entities.", columns: "tid serial\nrevision_id uint null\nvid ascii(32)\nuuid ascii(128)\nlangcode ascii(12)\n",
			keys: "primary tid\nunique taxonomy_term_field__uuid__value uuid\nkey taxonomy_term_field__vid__target_id vid\n", count: s.terms, rowBytes: 70, fill: (*maker).term},
		{name: "taxonomy_term_field_data", comment: "The data table for taxonomy_term entities.", columns: `
tid uint
revision_id uint
vid ascii(32)
langcode ascii(12)
status tiny
name varchar(255)
description__value text null
description__format ascii(255) null
weight int
changed int null
default_langcode tiny
`, keys: "primary tid,langcode\nkey taxonomy_term__tree vid,weight,name\n", count: s.terms, rowBytes: 250, fill: (*maker).termData},
		{name: "url_alias", comment: "A list of URL aliases for Drupal paths; a user may visit either.", columns: "pid serial\nsource varchar(255)\nalias varchar(255)\nlangcode ascii(12)\n",
			keys: "primary pid\nkey alias_langcode_pid alias,langcode,pid\nkey source_langcode_pid source,langcode,pid\n", count: n + s.terms, rowBytes: 80, fill: (*maker).alias},
		{name: "user__roles", comment: "Data storage for user field roles.", columns: fieldColumns + "roles_target_id ascii(255)\n",
			keys: fieldKeys + "key roles_target_id roles_target_id\n", count: s.users, rowBytes: 60, fill: (*maker).role},
		{name: "users", comment: "The base table for user entities.", columns: "uid serial\nuuid ascii(128)\nlangcode ascii(12)\n",
			keys: "primary uid\nunique user_field__uuid__value uuid\n", count: s.users, rowBytes: 50, fill: (*maker).user},
		{name: "users_data", comment: "Stores module data as key/value pairs per user.", columns: "uid uint\nmodule ascii(50)\nname ascii(128)\nvalue blob null\nserialized tiny null\n",
			keys: "primary uid,module,name\nkey module module\nkey name name\n", count: s.users, rowBytes: 250, fill: (*maker).userData},
		{name: "users_field_data", comment: "The data table for user entities.", columns: `
uid uint
langcode ascii(12)
preferred_langcode ascii(12) null
name varchar(60)
pass varchar(255) null
mail varchar(254) null
timezone varchar(32) null
status tiny null
created int
changed int null
access int
login int null
init varchar(254) null
default_langcode tiny
`, keys: "primary uid,langcode\nunique user__name name,langcode\nkey user_field__mail mail\nkey user_field__created created\nkey user_field__access access\n",
			count: s.users, rowBytes: 260, fill: (*maker).userFieldData},
		{name: "watchdog", comment: "Table that contains logs of all system events.", columns: `
wid serial
uid uint
type ascii(64)
message text
variables blob
severity tiny
link text null
location text
referer text null
hostname ascii(128)
timestamp int
`, keys: "primary wid\nkey type type\nkey uid uid\nkey severity severity\n", count: n * 3, rowBytes: 650, fill: (*maker).watchdog},
	}
	if o.MyISAM && d == MySQL {
		list = append(list, table{name: "legacy_import_log", engine: "MyISAM", comment: "What the old site's import did.",
			columns: "id serial\nline varchar(255)\n", keys: "primary id\n", count: n, rowBytes: 60, fill: (*maker).importLog})
	}
	return list
}

const nodeDataColumns = `
nid uint
vid uint
type ascii(32)
langcode ascii(12)
status tiny
uid uint
title varchar(255)
created int
changed int
promote tiny
sticky tiny
default_langcode tiny
revision_translation_affected tiny null
`

// wordsIndexed is the number of nodes in which the search index has each word.
func (s site) wordsIndexed() int { return max(1, s.nodes*60/len(sortedWords)) }

func cache(name string, count int, fill func(*maker, int)) table {
	return table{name: name, comment: "Storage for the cache API.", columns: cacheColumns, keys: cacheKeys, count: count, rowBytes: 4000, fill: fill}
}

const launch = 1_420_070_400 // the time of the site's first node

// maker makes rows.
type maker struct {
	*author
	row
	site
}

func newMaker(d Dialect, o Options) *maker {
	return &maker{author: newAuthor(o.Seed), row: row{dialect: d}, site: siteOf(o)}
}

// insert returns the INSERT statement of a batch, without its semicolon. It is valid until the next call.
func (m *maker) insert(b batch) []byte {
	m.row.buf = append(append(append(m.row.buf[:0], "INSERT INTO `"...), b.table.name...), "` VALUES\n"...)
	for i := b.from; i < b.to; i++ {
		if i > b.from {
			m.row.buf = append(m.row.buf, ",\n"...)
		}
		m.make(b.table, i)
	}
	return m.row.buf
}

// copyRows returns a batch as lines for COPY. It is valid until the next call.
func (m *maker) copyRows(b batch) []byte {
	m.row.buf = m.row.buf[:0]
	for i := b.from; i < b.to; i++ {
		m.make(b.table, i)
	}
	return m.row.buf
}

func (m *maker) make(t *table, i int) {
	m.words = englishWords
	m.reseed(t.name, i)
	m.begin()
	t.fill(m, i)
	m.end()
}

// about has the properties of a node that appear in several tables.
type about struct {
	id                               int
	bundle, langcode, title          string
	author, status, created, changed int
}

// node returns the properties of node number i, counted from 0.
func (m *maker) about(i int) about {
	m.reseed("about", i)
	m.sometimesGerman()
	a := about{id: i + 1, langcode: m.langcode(), title: m.title(), author: m.below(m.users), status: min(1, m.below(12))}
	a.bundle = [...]string{"job", "job", "job", "job", "article", "page", "organization"}[m.below(7)]
	a.created = launch + i*9000 + m.below(9000)
	a.changed = a.created + m.below(30_000_000)
	return a
}

func (m *maker) node(i int) {
	a := m.about(i)
	m.int(a.id, 2*a.id)
	m.text(a.bundle, m.uuid(), a.langcode)
}

func (m *maker) nodeFields(a about, vid int) {
	m.int(a.id, vid)
	m.text(a.bundle, a.langcode)
	m.int(a.status, a.author)
	m.text(a.title)
	m.int(a.created, a.changed, a.id%2, 0, 1)
	if a.id%5 == 0 {
		m.null()
		return
	}
	m.int(1)
}

func (m *maker) nodeData(i int) { m.nodeFields(m.about(i), 2*(i+1)) }

func (m *maker) nodeDataRevision(i int) {
	a := m.about(i / 2)
	a.changed -= (i + 1) % 2 * 5000
	m.nodeFields(a, i+1)
}

func (m *maker) nodeRevision(i int) {
	a := m.about(i / 2)
	m.int(i+1, a.id)
	m.text(a.langcode)
	m.int(a.author, a.changed)
	switch {
	case i%3 == 0:
		m.null()
	case i%3 == 1:
		m.text("")
	default:
		m.text(m.plain(30))
	}
	m.int(1)
}

func (m *maker) field(a about, revision, delta int) {
	m.text(a.bundle)
	m.int(0, a.id, revision)
	m.text(a.langcode)
	m.int(delta)
}

// bodyText returns the text of a node. Its first revision begins differently.
func (m *maker) bodyText(i, revision int) string {
	m.reseed("body", i)
	first := ""
	if revision == 0 {
		first = "<p>" + m.plain(300) + "</p>\r\n"
	}
	m.reseed("body of", i)
	return first + m.html(600+m.below(1200)+m.below(3600))
}

func (m *maker) bodyFields(a about, revision, half int) {
	m.field(a, revision, 0)
	m.text(m.bodyText(a.id, half))
	if a.id%4 == 0 {
		m.text(m.plain(200))
	} else {
		m.null()
	}
	m.text("full_html")
}

func (m *maker) body(i int)         { m.bodyFields(m.about(i), 2*(i+1), 1) }
func (m *maker) bodyRevision(i int) { m.bodyFields(m.about(i/2), i+1, i%2) }

func (m *maker) closingDate(i int) {
	a := m.about(i)
	m.field(a, 2*a.id, 0)
	m.text(fmt.Sprintf("%d-%02d-%02d", 2015+i*11/m.nodes, 1+m.below(12), 1+m.below(28)))
}

func (m *maker) image(i int) {
	a := m.about(i * 2)
	m.field(a, 2*a.id, 0)
	m.int(i + 1)
	m.text(a.title)
	m.null()
	m.int(400+m.below(2000), 300+m.below(1500))
}

func (m *maker) salary(i int) {
	a := m.about(i)
	m.field(a, 2*a.id, 0)
	m.decimal(1_500_00+m.below(400)*10_00, 2)
	if m.oneIn(3) {
		m.decimal(6_000_00+m.below(50_000), 2)
	} else {
		m.null()
	}
	m.text("EUR")
}

// term returns one of the three terms of a node.
func (m *maker) termOf(node, delta int) int { return 1 + (node*7+delta*(m.terms/3))%m.terms }

func (m *maker) tags(i int) {
	a := m.about(i / 3)
	m.field(a, 2*a.id, i%3)
	m.int(m.termOf(i/3, i%3))
}

func (m *maker) taxonomyIndex(i int) {
	a := m.about(i / 3)
	m.int(a.id, m.termOf(i/3, i%3), a.status, 0, a.created)
}

func (m *maker) vocabularyOf(i int) string {
	return [...]string{"occupation", "region", "industry", "employment_type"}[i%4]
}

func (m *maker) term(i int) {
	m.int(i+1, i+1)
	m.text(m.vocabularyOf(i), m.uuid(), "en")
}

func (m *maker) termData(i int) {
	m.int(i+1, i+1)
	m.text(m.vocabularyOf(i), "en")
	m.int(1)
	m.text(m.title())
	if i%3 == 0 {
		m.text(m.html(400), "basic_html")
	} else {
		m.null()
		m.null()
	}
	m.int(i%20, launch+i, 1)
}

func (m *maker) alias(i int) {
	m.int(i + 1)
	if i < m.nodes {
		a := m.about(i)
		m.text("/node/"+strconv.Itoa(a.id), "/"+a.bundle+"s/"+slug(a.title)+"-"+strconv.Itoa(a.id), a.langcode)
		return
	}
	i -= m.nodes
	m.text("/taxonomy/term/"+strconv.Itoa(i+1), "/"+m.vocabularyOf(i)+"/"+slug(m.title())+"-"+strconv.Itoa(i), "und")
}

func (m *maker) file(i int) {
	a := m.about(i * 2)
	m.int(i + 1)
	m.text(m.uuid(), "en")
	m.int(a.author)
	name := slug(a.title) + ".jpg"
	m.text(name, fmt.Sprintf("public://%d-%02d/%s", 2015+i*22/m.nodes, 1+i%12, name), "image/jpeg")
	m.int(20_000+m.below(3_000_000), 1, a.created, a.created)
}

func (m *maker) fileUsage(i int) {
	m.int(i + 1)
	m.text("file", "node", strconv.Itoa(2*i+1))
	m.int(1)
}

func (m *maker) user(i int) {
	m.int(i + 1)
	m.text(m.uuid(), "en")
}

func (m *maker) userFieldData(i int) {
	name := m.name()
	m.int(i + 1)
	m.text("en")
	m.null()
	mail := slug(name) + strconv.Itoa(i) + "@example.com"
	m.text(name+" "+strconv.Itoa(i), "$2y$10$"+m.base64(53), mail)
	if m.oneIn(6) {
		m.null()
	} else {
		m.text([...]string{"Europe/Vienna", "Europe/Berlin", "Europe/Zurich", "UTC"}[m.below(4)])
	}
	created := launch + i*50_000
	m.int(1, created, created, created+m.below(1_000_000), created+m.below(1_000_000))
	m.text(mail)
	m.int(1)
}

func (m *maker) role(i int) {
	m.field(about{id: i + 1, bundle: "user", langcode: "en"}, i+1, 0)
	m.text([...]string{"applicant", "applicant", "recruiter", "editor"}[m.below(4)])
}

func (m *maker) userData(i int) {
	m.int(i + 1)
	m.text("job_alerts", "settings")
	m.bytes(string(phpArray("frequency", "daily", "keywords", phpArray(0, m.word(), 1, m.word()), "radius", m.below(100), "note", "it's; \"new\" \\ "+m.title())))
	m.int(1)
}

func (m *maker) history(i int) {
	m.int(1+i/3, 1+(i%3)*(m.nodes/3)+m.below(m.nodes/3), launch+m.below(300_000_000))
}

func (m *maker) statistics(i int) {
	m.int(i/5 + 1)
	m.text(fmt.Sprintf("%d-%02d-%02d", 2024+i%2, 1+m.below(12), 1+i%5), [...]string{"web", "mail", "api", "o'clock;"}[m.below(4)])
	m.int(m.below(3000))
	if m.oneIn(4) {
		m.null()
	} else {
		m.int(m.below(60))
	}
	if m.oneIn(4) {
		m.null()
	} else {
		m.decimal(m.below(9_000_000)-500_000, 4)
	}
	// Eighths are exact both in decimal and in binary, so no conversion changes them.
	m.decimal(m.below(8)*125, 3)
	m.decimal(m.below(100)*25, 2)
	if m.oneIn(10) {
		m.null()
	} else {
		m.text(fmt.Sprintf("2025-%02d-%02d %02d:%02d:%02d", 1+m.below(12), 1+m.below(28), m.below(24), m.below(60), m.below(60)))
	}
}

func (m *maker) importLog(i int) {
	m.int(i + 1)
	m.text("imported node " + strconv.Itoa(i) + ": " + m.title())
}

func (m *maker) searchDataset(i int) {
	a := m.about(i)
	m.int(a.id)
	m.text(a.langcode, "node_search", " "+m.plain(800+m.below(1800))+" ")
	m.int(0)
}

// searchIndex walks through the index in the order of its key, word by word.
func (m *maker) searchIndex(i int) {
	each := m.wordsIndexed()
	word, nth := i/each, i%each
	stride := max(1, m.nodes/each)
	m.text(sortedWords[word])
	m.int(1 + nth*stride + (word*31+nth*17)%stride)
	m.text("en", "node_search")
	m.decimal((1+m.below(40))*25, 2)
}

func (m *maker) searchTotal(i int) {
	m.text(sortedWords[i])
	m.decimal((1+m.below(64))*125, 3)
}
