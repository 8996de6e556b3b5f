/// The words and rows that lead every published ranking of leaked passwords, in lower case and without the digits behind them, which `PasswordRules`
/// takes away first.
///
/// Written down from common knowledge, some hundred entries: it stops the first guesses of everybody, not those of somebody with a list of a billion.
enum CommonPasswords {
    /// Whether a text is one of them.
    static func contain(_ text: String) -> Bool { all.contains(text) }

    private static let all: Set<String> = Set(text.split(whereSeparator: \.isWhitespace).map(String.init))

    private static let text = """
        password passwort passwords passw0rd motdepasse contrasena senha parola haslo wachtwoord losenord salasana heslo passwd passphrase
        mypassword thepassword newpassword yourpassword password1 letmein letmeinnow welcome welcomeback changeme changemenow changeit default
        secret topsecret mysecret secretword temporary temppass testing testtest test tester guest user username login signin access accessdenied
        admin administrator administrador adminadmin root rootroot toor superuser sysadmin operator manager master masterkey service server
        support system oracle postgres mysql cisco ubuntu debian linux windows microsoft google facebook youtube internet computer laptop samsung
        iphone android apple limen public private company office
        qwerty qwertyuiop qwertyui qwertz azerty asdfgh asdfghjkl asdf zxcvbn zxcvbnm qazwsx qazwsxedc qweasd qweasdzxc asdasd qweqwe zaqwsx
        iloveyou iloveu ilovehim ilovemyself loveyou lovely lover love loveme lovelove forever forever1 always foreverlove sweetheart darling
        princess prince queen king angel angels babygirl babyboy baby honey sweety sweetie cutie cookie chocolate butterfly flower flowers rainbow
        sunshine moonlight starlight summer winter spring autumn january february march april june july august september october november december
        monday tuesday wednesday thursday friday saturday sunday sommer winter1 fruehling herbst
        monkey dragon tiger lion eagle falcon phoenix wolf panther cat dog puppy kitten kitty horse dolphin shark spider snake turtle chicken
        charlie michael jennifer jessica ashley amanda daniel matthew joshua andrew anthony thomas robert william george richard david john james
        joseph christopher nicholas jonathan benjamin alexander alexandra victoria elizabeth samantha stephanie nicole michelle melissa heather
        maria anna emma sophie laura lisa julia sarah hannah charlotte martin peter stefan andreas patrick jordan taylor justin brandon austin
        hunter ranger buster shadow ginger pepper maggie bailey molly sophia isabella olivia jasmine brittany danielle rachel lauren megan
        football baseball basketball soccer hockey tennis golf rugby cricket liverpool arsenal chelsea barcelona manchester realmadrid juventus
        yankees cowboys lakers steelers eagles packers raiders football1 footballer champion winner superstar rockstar hello helloworld hello1
        goodbye good morning goodmorning thankyou please whatever nothing something anything everything nobody somebody fuckyou fuckme fuckoff
        fuck asshole bitch bullshit shit sexy sexygirl hottie bigdick porn
        batman superman spiderman ironman starwars startrek pokemon pikachu naruto minecraft fortnite matrix gandalf hogwarts harrypotter
        jedi yoda vader mickey mickeymouse donald goofy snoopy garfield scooby simpson zelda mario luigi sonic tinkerbell
        freedom liberty america american england london paris berlin germany deutschland france italia espana brasil canada australia mexico
        india china russia moscow newyork california texas florida chicago boston dallas miami
        money dollar million diamond silver golden gold platinum crystal treasure lucky luckyone mustang ferrari porsche mercedes corvette camaro
        harley yamaha honda toyota bmw audi tesla
        jesus christ jesuschrist heaven bible church blessed blessing faith peace trust trustno trustnoi godisgood jesusislord
        correcthorsebatterystaple correcthorse batterystaple abcabc abcdabcd abc abcd abcde abcdef xxxxxx aaaaaa
        killer hacker ninja samurai warrior knight wizard magic magical mystery thunder lightning storm fire ice water ocean river mountain
        music guitar piano drummer metallica nirvana beatles slipknot eminem tupac madonna beyonce blink
        orange banana strawberry cherry lemon peaches apples pineapple coffee cheese pizza sugar candy bubbles bubblegum pumpkin peanut butter
        yellow green purple black white blue silver1 red pink brown
        family friends friend friendship mother father sister brother mommy daddy mom dad mama papa familia familie
        student school teacher college university class graduate doctor nurse police soldier marine army navy airforce
        player gamer games game playboy playstation xbox nintendo steam discord
        zaqxsw mnbvcx poiuyt lkjhgf plokij okmijn ijnuhb
        """
}
