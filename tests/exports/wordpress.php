<?php
// Fills a WordPress site: users, terms, posts of several languages with revisions, pages, menus, comments, options and
// what plugins keep, as serialized PHP and JSON.
define('WP_USE_THEMES', false);
require __DIR__ . '/wp-load.php';
require_once ABSPATH . 'wp-admin/includes/nav-menu.php';

function must($result) {
    if (is_wp_error($result)) {
        fwrite(STDERR, $result->get_error_message() . "\n");
        exit(1);
    }
    return $result;
}

mt_srand(29);
$words = ['garden', 'Straße', 'naïve', 'Ærø', 'żółć', 'Кофе', 'コーヒー', 'قهوة', '咖啡', '🐦', "it's", '"quoted"', 'back\\slash', '100%', '<b>bold</b>', "tab\there"];
$text = function (int $length) use ($words): string {
    $chosen = [];
    for ($i = 0; $i < $length; $i++) {
        $chosen[] = $words[mt_rand(0, count($words) - 1)];
    }
    return implode(' ', $chosen);
};

foreach (['author', 'editor', 'subscriber'] as $role) {
    for ($i = 1; $i <= 4; $i++) {
        $user = must(wp_insert_user(['user_login' => "$role$i", 'user_pass' => "a-password-for-$role-$i", 'user_email' => "$role$i@example.com",
            'display_name' => "Ünal $role 🐦 $i", 'role' => $role]));
        update_user_meta($user, 'preferences', ['colour' => 'grün', 'nested' => ['a' => 1, 'b' => null, 'c' => "O'Neil\\"]]);
    }
}
$terms = [];
foreach (['News', 'Über uns', 'コーヒー', 'Кофе'] as $name) {
    $terms[] = must(wp_insert_term($name, 'category', ['description' => $text(8)]))['term_id'];
}
for ($i = 1; $i <= 40; $i++) {
    $post = must(wp_insert_post(wp_slash([
        'post_title' => "Post $i: " . $text(4), 'post_status' => $i % 9 ? 'publish' : 'draft', 'post_author' => 1 + $i % 5,
        'post_content' => "<!-- wp:paragraph -->\n<p>" . $text(60) . "</p>\n<!-- /wp:paragraph -->\n\r\n-- not a comment; /*!40101 nor this */\n",
        'post_excerpt' => $i % 3 ? '' : $text(10), 'post_date' => sprintf('2026-%02d-%02d 02:30:00', 1 + $i % 12, 1 + $i % 28),
    ])));
    wp_set_post_terms($post, [$terms[$i % 4]], 'category');
    wp_set_post_terms($post, ["tag $i", $words[$i % 16]], 'post_tag');
    add_post_meta($post, '_blocks', wp_slash(json_encode(['id' => $i, 'words' => $text(5)])));
    add_post_meta($post, '_bytes', serialize(['binary' => base64_encode(random_bytes(12)), 'float' => 0.1 + $i, 'when' => null]));
    if ($i % 4 === 0) {
        must(wp_update_post(wp_slash(['ID' => $post, 'post_content' => 'changed: ' . $text(40)]), true));
    }
    for ($j = 0; $j < $i % 4; $j++) {
        wp_insert_comment(wp_slash(['comment_post_ID' => $post, 'comment_author' => $text(1), 'comment_author_email' => "guest$j@example.com",
            'comment_content' => $text(20), 'comment_approved' => $j % 2 ? 1 : 'spam', 'comment_author_IP' => '2001:db8::' . $j]));
    }
}
$page = must(wp_insert_post(['post_type' => 'page', 'post_title' => 'Über uns', 'post_status' => 'publish', 'post_content' => '[gallery ids="1,2"]']));
$menu = must(wp_create_nav_menu('Main menu'));
must(wp_update_nav_menu_item($menu, 0, ['menu-item-title' => 'Über uns', 'menu-item-object-id' => $page, 'menu-item-object' => 'page',
    'menu-item-type' => 'post_type', 'menu-item-status' => 'publish']));
update_option('shop_settings', ['currency' => '€', 'list' => range(1, 50), 'text' => $text(20), 'flag' => false]);
update_option('shop_empty', '');
set_transient('shop_cache', $text(50), 3600);
