<?php
// Fills a MediaWiki site: users, pages of several languages with old revisions, categories, links, redirects, a moved and a
// deleted page, and a watch list.
require_once __DIR__ . '/maintenance/Maintenance.php';

use MediaWiki\MediaWikiServices;

class FillSite extends Maintenance {
    public function execute() {
        mt_srand(29);
        $services = MediaWikiServices::getInstance();
        $words = ['garden', 'Straße', 'naïve', 'Ærø', 'żółć', 'Кофе', 'コーヒー', 'قهوة', '咖啡', '🐦', "it's", '"quoted"', 'back\\slash', '100%', "tab\there"];
        $text = function (int $length) use ($words): string {
            $chosen = [];
            for ($i = 0; $i < $length; $i++) {
                $chosen[] = $words[mt_rand(0, count($words) - 1)];
            }
            return implode(' ', $chosen);
        };
        $users = [];
        foreach (['Grace', 'Ünal', 'Катя', '花子'] as $name) {
            $user = User::createNew($name, ['email' => 'user' . count($users) . '@example.com', 'real_name' => "$name O'Neil"]);
            $services->getUserOptionsManager()->setOption($user, 'gender', 'female');
            $services->getUserOptionsManager()->saveOptions($user);
            $users[] = $user;
        }
        for ($i = 1; $i <= 40; $i++) {
            $title = Title::newFromText('Page ' . $i . ' ' . $words[$i % 11]);
            $page = $services->getWikiPageFactory()->newFromTitle($title);
            for ($version = 0; $version <= $i % 3; $version++) {
                $content = "== Heading $version ==\n" . $text(50) . "\n\n-- no comment; /*!40101 nor this */\n* [[Page " . ($i + 1) . " garden]]\n" .
                    "[https://example.com/?a=$i&b=ü link]\n[[Category:" . $words[$i % 4] . "]]\n";
                $status = $page->doUserEditContent(ContentHandler::makeContent($content, $title), $users[$i % 4], "change $version: " . $text(3));
                if (!$status->isOK()) {
                    $this->fatalError($status->getWikiText());
                }
            }
            $services->getWatchedItemStore()->addWatch($users[$i % 4], $title);
        }
        $admin = $services->getUserFactory()->newFromName('Ada');
        $from = Title::newFromText('Page 5 Кофе');
        $services->getMovePageFactory()->newMovePage($from, Title::newFromText('Moved 咖啡'))->move($admin, 'moved', true);
        $gone = $services->getWikiPageFactory()->newFromTitle(Title::newFromText('Page 7 قهوة'));
        $gone->doDeleteArticleReal('not needed', $admin);
        DeferredUpdates::doUpdates();
    }
}

$maintClass = FillSite::class;
require_once RUN_MAINTENANCE_IF_MAIN;
