package data

import (
	"fmt"
	"strconv"
	"strings"
)

// The rows of Drupal's own tables: caches, logs, sessions, configuration.

func (m *maker) watchdog(i int) {
	m.int(i+1, m.below(m.users))
	address := fmt.Sprintf("https://jobs.example.com/node/%d", 1+m.below(m.nodes))
	kind := m.below(4)
	m.text([...]string{"php", "page not found", "cron", "content"}[kind],
		[...]string{
			"%type: @message in %function (line %line of %file) @backtrace_string.",
			"@uri",
			"Execution of @module_cron() took @time.",
			"@type: updated %title.",
		}[kind])
	switch kind {
	case 0:
		m.bytes(string(phpArray("%type", "TypeError", "@message", "Argument #1 ($entity) must be of type "+`Drupal\node\NodeInterface`+", null given; it's \"unexpected\"",
			"%function", `Drupal\job_board\Plugin\Block\Similar`+m.word()+"->build()", "%line", m.below(900), "%file", "/var/www/html/web/modules/custom/job_board/src/"+m.word()+".php",
			"severity_level", 3, "@backtrace_string", m.backtrace())))
	case 1:
		m.bytes(string(phpArray("@uri", "/"+m.word()+"/"+m.word()+"-"+strconv.Itoa(m.below(90_000)))))
	case 2:
		m.bytes(string(phpArray("@module_cron", m.word()+"_cron", "@time", strconv.Itoa(m.below(4000))+"ms")))
	default:
		m.bytes(string(phpArray("@type", "job", "%title", m.title())))
	}
	m.int([...]int{3, 4, 5, 5}[kind])
	if kind == 3 {
		m.text(`<a href="/node/` + strconv.Itoa(m.below(m.nodes)) + `" hreflang="en">View</a>`)
	} else {
		m.null()
	}
	m.text(address)
	if m.oneIn(3) {
		m.text("")
	} else {
		m.text("https://www.example.org/?q=" + m.word())
	}
	m.text(fmt.Sprintf("10.%d.%d.%d", m.below(4), m.below(256), m.below(256)))
	m.int(1_760_000_000 + i*40)
}

func (m *maker) backtrace() string {
	var text strings.Builder
	for i := range 4 + m.below(5) {
		fmt.Fprintf(&text, "#%d /var/www/html/web/core/lib/Drupal/Core/%s/%s.php(%d): %s\n", i, m.word(), m.word(), m.below(900),
			[...]string{`Drupal\Core\Render\Renderer->doRender(Array, false)`, `call_user_func_array(Array, Array)`, `Drupal\Core\EventSubscriber\{closure}()`}[m.below(3)])
	}
	return text.String()
}

func (m *maker) session(int) {
	user := m.below(m.users)
	m.int(user)
	m.text(m.base64(43), fmt.Sprintf("10.0.%d.%d", m.below(256), m.below(256)))
	m.int(1_760_000_000 + m.below(900_000))
	m.bytes("_sf2_attributes|" + string(phpArray("uid", strconv.Itoa(user), "search", m.title(), "csrf_token_seed", m.base64(43))) +
		"_sf2_meta|" + string(phpArray("u", 1_760_000_000+m.below(9000), "c", 1_760_000_000, "l", 2_000_000, "s", m.base64(43))))
}

func (m *maker) cacheTag(i int) {
	m.text("node:" + strconv.Itoa(i+1))
	m.int(m.below(40))
}

// cacheEnd writes the columns after the data of a cache entry.
func (m *maker) cacheEnd(serialized int, tags string) {
	m.int(-1)
	m.decimal(1_760_000_000_000+m.below(900_000_000), 3)
	m.int(serialized)
	m.text(tags, strconv.Itoa(m.below(500)))
}

// cacheBinary writes an entry like one that a serializer such as igbinary has packed.
func (m *maker) cacheBinary(i int) {
	m.text(fmt.Sprintf("%s:%s:%d", m.word(), m.word(), i))
	m.bytes("\x00\x00\x00\x02\x14" + m.binary(60+m.below(900)) + "\x1a\r\n'\"\\;" + m.plain(900))
	m.cacheEnd(1, "config:"+m.word())
}

func (m *maker) cacheConfig(i int) {
	name := fmt.Sprintf("core.entity_view_display.node.%s.%d", m.word(), i)
	m.text(name)
	m.bytes(string(m.configValue(name)))
	m.cacheEnd(1, "")
}

func (m *maker) configValue(name string) php {
	components := make([]any, 0, 24)
	for range 4 + m.below(8) {
		components = append(components, "field_"+m.word(), phpArray("type", "string_"+m.word(), "weight", m.below(30), "region", "content", "label", "above",
			"settings", phpArray("link_to_entity", m.oneIn(2), "prefix", "it's; "), "third_party_settings", phpArray()))
	}
	return phpArray("uuid", m.uuid(), "langcode", "en", "status", true, "dependencies", phpArray("module", phpArray(0, m.word(), 1, "text")),
		"id", name, "content", phpArray(components...), "hidden", nil)
}

func (m *maker) cacheEntity(i int) {
	a := m.about(2 * i)
	m.text("values:node:" + strconv.Itoa(a.id))
	m.bytes(string(phpObject(`Drupal\node\Entity\Node`,
		"values", phpArray("nid", phpArray("x-default", strconv.Itoa(a.id)), "title", phpArray("x-default", a.title), "body", phpArray("x-default", phpArray(0,
			phpArray("value", m.bodyText(a.id, 1), "summary", "", "format", "full_html")))),
		"activeLangcode", "x-default", "translations", phpArray("x-default", phpArray("status", 1)), "isDefaultRevision", true, "newRevision", false)))
	m.cacheEnd(1, "entity_field_info node_values")
}

func (m *maker) cacheRender(i int) {
	m.text(fmt.Sprintf("entity_view:node:%d:teaser:[languages:language_interface]=en:[theme]=board:[user.permissions]=%s", i+1, m.hex(16)))
	m.bytes(string(phpArray("#markup", phpObject(`Drupal\Core\Render\Markup`, "string", m.markup()), "#attached", phpArray("library", phpArray(0, "board/teaser", 1, "core/drupal.ajax")),
		"#cache", phpArray("contexts", phpArray(0, "languages:language_interface", 1, "theme", 2, "user.permissions"), "max-age", -1))))
	m.cacheEnd(1, "node:"+strconv.Itoa(i+1)+" node_view rendered user_view:"+strconv.Itoa(m.below(m.users)))
}

func (m *maker) cachePage(i int) {
	m.text(fmt.Sprintf("https://jobs.example.com/jobs?page=%d:html", i))
	page := "<!DOCTYPE html>\n<html lang=\"en\" dir=\"ltr\">\n<head>\n<meta charset=\"utf-8\" />\n<title>" + m.title() + "</title>\n</head>\n<body class=\"path-jobs\">\n"
	for range 3 {
		page += m.markup()
	}
	m.bytes(string(phpObject(`Drupal\Core\Cache\CacheableResponse`, "content", page+"</body>\n</html>\n", "statusCode", 200)))
	m.cacheEnd(1, "http_response node_list rendered")
}

// markup writes a rendered list of teasers, which is repetitive.
func (m *maker) markup() string {
	var text strings.Builder
	for range 4 + m.below(5) {
		title := m.title()
		fmt.Fprintf(&text, "\n  <article data-history-node-id=\"%d\" class=\"node node--type-job node--view-mode-teaser clearfix\">\n"+
			"    <header>\n      <h2 class=\"node__title\"><a href=\"/jobs/%s\" rel=\"bookmark\"><span class=\"field field--name-title field--type-string field--label-hidden\">%s</span></a></h2>\n    </header>\n"+
			"    <div class=\"node__content clearfix\">\n      <div class=\"clearfix text-formatted field field--name-body field--type-text-with-summary field--label-hidden field__item\"><p>%s</p></div>\n    </div>\n  </article>\n",
			m.below(m.nodes), slug(title), title, m.plain(160))
	}
	return text.String()
}

func (m *maker) config(i int) {
	name := fmt.Sprintf("%s.%s.%d", m.word(), m.word(), i)
	m.text("", name)
	m.bytes(string(m.configValue(name)))
}

func (m *maker) keyValue(i int) {
	m.text([...]string{"state", "entity.definitions.installed", "post_update", "system.schema"}[i%4], fmt.Sprintf("%s.%d", m.word(), i))
	switch i % 4 {
	case 0:
		m.bytes(string(phpInt(m.below(1 << 30))))
	case 1:
		m.bytes(string(m.configValue(m.word())))
	case 2:
		m.bytes(string(phpBool(true)))
	default:
		m.bytes(string(phpText("it's " + m.title() + "; \"done\" \\")))
	}
}

func (m *maker) keyValueExpire(i int) {
	m.keyValue(i)
	m.int(1_770_000_000 + i)
}

func (m *maker) queue(i int) {
	m.int(i + 1)
	m.text("job_import")
	m.bytes(string(phpObject("stdClass", "id", i, "title", m.title(), "hash", m.hex(40))))
	m.int(0, 1_760_000_000+i)
}
