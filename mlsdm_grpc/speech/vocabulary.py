"""Everyday words that languages are told apart by. Data only.

``CONTENT_WORDS`` are of the languages that are judged; their function words are in ``words.py``.
``NEIGHBOURS`` are of languages that are not judged and only recognised.
"""

from __future__ import annotations

from typing import Final

__all__ = ["CONTENT_WORDS", "NEIGHBOURS"]

CONTENT_WORDS: Final = {
    "en": """
        time year day week month morning night today tomorrow yesterday tonight hour minute man
        woman men women child children boy girl baby mother father brother sister wife husband
        friend friends family people doctor nurse teacher student driver boss house home room door
        window kitchen table chair bed car bus train plane bike road street bridge station ticket
        shop store market money price buy sell pay cost work job office meeting report project
        plan team school book read write letter phone call message email file code test build
        server error update user data system network machine engine pump water food bread milk
        coffee tea soup apple fish meat egg rice sugar salt breakfast lunch dinner eat drink cook
        dog cat bird horse cow tree flower garden river sea lake mountain rain snow wind sun cold
        hot warm wet dry dark light bright heavy empty full broken open closed late early good bad
        nice great sad happy angry tired hungry sick hurt pain head hand leg arm eye foot heart
        help need want like love go come see look find give take make put get say tell ask know
        think feel keep leave start stop wait run walk sit stand sleep wake fall break fix move
        turn bring send show hear play win lose try use check clean wash cut fire white black red
        green blue big small long short old new young right wrong left first last next soon now
        later fast slow quick quickly please thanks sorry yes maybe nothing hospital medicine
        weather winter summer spring city town country world life thing things something place way
        music song picture story question answer number name word ship boat bank power battery
        went gone came said told made took got found kept left bought brought broke fell lost sold
        working running going coming getting making waiting looking walking needed wanted fixed
        missing stolen failed finished started stopped changed closed called arrived delayed
        patient fever blood pressure pulse dose pill tablet surgery injury infection cough throat
        stomach breathing symptom allergy ward clinic visit stable normal weak strong
        install reboot restart backup memory disk query cache login password token config deploy
        release version patch bug crash failed failure offline online script branch commit
        database cluster latency timeout request response feature schedule meeting deadline budget
        invoice contract customer client order delivery shipment goods package payment refund
        agreement signed approved rejected received attached damaged replaced expected required
        arrive arriving depart departure flight airport hotel luggage passport border harbor
        weather storm flood traffic accident police witness suspect jacket shirt shoes dress coat
        laundry soap bath roof floor wall garden fence tool paint noise smell quiet loud soft
        blocked stuck leaking stolen empty dirty clean fresh rotten sour sweet bitter
        birthday wedding funeral holiday church candle cake chocolate wine beer cheese
        direction north south east west left two three four five six seven eight nine ten hundred
        grandmother grandfather grandson uncle aunt cousin neighbor nephew niece baby kid kids
        finger knee shoulder ear nose mouth tooth tongue skin bone wound cat kitten cow sheep pig
        chicken duck bread butter potato onion carrot cabbage corn wheat field farm barn hay grass
        knife fork spoon plate cup glass bottle pot pan stove oven fridge lamp carpet curtain
        pillow blanket towel brush comb mirror toy doll ball game football race score goal
        sing dance laugh smile cry shout talk speak learn forget remember teach study carry push
        pull throw catch climb jump swim fly dig plant pick pour mix bake boil fry sew knit borrow
        lend steal hide dream hope fear worry thank visit travel drive ride park
        """,
    "de": """
        zeit jahr tag woche monat morgen abend nacht heute gestern stunde minute uhr mann frau
        kind kinder junge mädchen mutter vater bruder schwester freund freunde freundin familie
        leute mensch menschen arzt ärztin lehrer schüler fahrer chef haus zimmer tür fenster küche
        tisch stuhl bett auto bus zug flugzeug fahrrad straße brücke bahnhof karte laden markt
        geld preis kaufen verkaufen bezahlen kosten arbeit arbeiten büro besprechung bericht
        projekt plan schule buch lesen schreiben brief telefon anrufen nachricht datei fehler
        rechner netz maschine pumpe wasser essen brot milch kaffee tee suppe apfel fisch fleisch
        ei reis zucker salz frühstück mittagessen trinken kochen hund katze vogel pferd baum blume
        garten fluss meer see berg regen schnee wind sonne kalt heiß warm nass trocken dunkel hell
        schwer leer voll kaputt offen zu geschlossen spät früh gut schlecht schön traurig froh
        glücklich müde hungrig krank schmerzen kopf hand bein arm auge fuß herz hilfe helfen
        brauchen gehen kommen sehen schauen finden geben nehmen machen stellen bekommen sagen
        fragen wissen denken fühlen bleiben anfangen aufhören warten laufen sitzen stehen schlafen
        fallen brechen reparieren bringen schicken zeigen hören spielen gewinnen verlieren
        versuchen prüfen putzen waschen schneiden feuer weiß schwarz rot grün blau groß klein lang
        kurz alt neu jung richtig falsch links rechts erste letzte nächste bald schnell langsam
        bitte danke vielleicht krankenhaus wetter winter sommer stadt land welt leben ding sache
        weg musik lied bild frage antwort nummer name wort schiff bank strom batterie gegangen
        gekommen gesehen gemacht gekauft gefunden verloren kein keine fährt kommt geht macht
        steht liegt regnet wohnung nachbar schlüssel rechnung möglichkeit entscheidung
        patient fieber blut druck puls dosis tablette operation verletzung entzündung husten hals
        bauch atmung allergie station praxis besuch stabil normal schwach stark
        installieren neustart sicherung speicher festplatte abfrage anmeldung passwort version
        absturz fehlgeschlagen ausgefallen läuft fehlt getauscht ergänzt geprüft gelöscht
        datenbank verbindung termin frist rechnung vertrag kunde bestellung lieferung ware paket
        zahlung unterschrieben genehmigt abgelehnt erhalten beschädigt ersetzt erforderlich
        ankunft abfahrt flug flughafen gepäck grenze hafen sturm stau unfall polizei zeuge jacke
        hemd schuhe kleid mantel wäsche seife dach boden wand zaun werkzeug farbe lärm ruhig laut
        gesperrt verstopft gestohlen schmutzig sauber frisch sauer süß bitter geburtstag hochzeit
        feiertag kirche kerze kuchen schokolade wein bier käse norden süden zwei drei vier fünf
        sechs sieben acht neun zehn
        großmutter großvater oma opa enkel onkel tante vetter nachbarin neffe nichte baby finger
        knie schulter ohr nase mund zahn zunge haut knochen wunde kuh schaf schwein huhn ente
        butter kartoffel zwiebel möhre kohl mais weizen feld hof scheune gras messer gabel löffel
        teller tasse glas flasche topf pfanne herd ofen kühlschrank lampe teppich vorhang kissen
        decke handtuch bürste spiegel spielzeug puppe ball spiel fußball singen tanzen lachen
        weinen schreien reden sprechen lernen vergessen erinnern lehren tragen ziehen werfen
        fangen klettern springen schwimmen fliegen graben pflanzen pflücken gießen backen braten
        nähen stricken leihen stehlen träumen hoffen besuchen reisen fahren parken
        """,
    "fr": """
        temps an année jour semaine mois matin soir nuit aujourd hui demain hier heure minute
        homme femme enfant enfants garçon fille mère père frère soeur sœur ami amis amie famille
        gens docteur médecin infirmière professeur élève chauffeur patron maison chambre porte
        fenêtre cuisine table chaise lit voiture bus train avion vélo route rue pont gare billet
        magasin marché argent prix acheter vendre payer travail travailler bureau réunion rapport
        projet école livre lire écrire lettre téléphone appeler message fichier erreur serveur
        données réseau machine moteur pompe eau manger nourriture pain lait café thé soupe pomme
        poisson viande oeuf riz sucre sel déjeuner dîner boire cuisiner chien chat oiseau cheval
        arbre fleur jardin rivière mer lac montagne pluie neige vent soleil froid chaud mouillé
        sec sombre lumière lourd vide plein cassé cassée ouvert fermé fermée tard tôt bon bonne
        mauvais beau belle triste content heureux fâché fatigué fatiguée faim malade mal douleur
        tête main jambe bras oeil yeux pied coeur aide aider besoin vouloir aimer aller venir voir
        regarder trouver donner prendre faire mettre dire demander savoir penser sentir garder
        partir commencer arrêter attendre courir marcher asseoir dormir tomber casser réparer
        apporter envoyer montrer entendre jouer gagner perdre essayer vérifier nettoyer laver
        couper feu blanc noir rouge vert bleu grand grande petit petite long court vieux nouveau
        nouvelle jeune gauche droite premier dernier prochain bientôt vite rapide lentement merci
        oui non peut être hôpital médicament hiver été ville pays monde vie chose chemin musique
        chanson image histoire question réponse numéro nom mot bateau banque parti venu vu fait
        acheté perdu tombé arrivé retard clé facture voisin pleut
        patient fièvre sang tension pouls dose comprimé opération blessure infection toux gorge
        ventre respiration allergie service clinique visite stable normal faible fort
        installer redémarrage sauvegarde mémoire disque requête connexion passe version panne
        échec échoué manque remplacé ajouté vérifié supprimé base délai échéance facture contrat
        client commande livraison marchandise colis paiement remboursement signé approuvé refusé
        reçu joint abîmé endommagé souhaité requis arrivée départ vol aéroport valise frontière
        port tempête bouchon accident police témoin veste chemise chaussures robe manteau linge
        savon toit sol mur clôture outil peinture bruit calme doux bloqué bouché volé sale propre
        frais aigre sucré amer anniversaire mariage vacances église bougie gâteau chocolat vin
        bière fromage nord sud deux trois quatre cinq six sept huit neuf dix
        grand mère père mamie papi petit fils oncle tante cousin neveu nièce bébé doigt genou
        épaule oreille nez bouche dent langue peau os plaie vache mouton cochon poule canard
        beurre pomme terre oignon carotte chou maïs blé champ ferme grange herbe couteau
        fourchette cuillère assiette tasse verre bouteille casserole poêle four frigo lampe tapis
        rideau oreiller couverture serviette brosse miroir jouet poupée ballon jeu chanter danser
        rire sourire pleurer crier parler apprendre oublier rappeler enseigner porter pousser
        tirer jeter attraper grimper sauter nager voler creuser planter cueillir verser cuire
        coudre tricoter emprunter prêter cacher rêver espérer visiter voyager conduire garer
        """,
    "es": """
        tiempo año día semana mes mañana tarde noche hoy ayer hora minuto hombre mujer niño niña
        niños chico chica madre padre hermano hermana amigo amigos amiga familia gente médico
        doctor enfermera profesor alumno conductor jefe casa cuarto habitación puerta ventana
        cocina mesa silla cama coche carro autobús tren avión bicicleta camino calle puente
        estación billete tienda mercado dinero precio comprar vender pagar trabajo trabajar
        oficina reunión informe proyecto escuela libro leer escribir carta teléfono llamar mensaje
        archivo error servidor datos red máquina motor bomba agua comer comida pan leche café té
        sopa manzana pescado carne huevo arroz azúcar sal desayuno almuerzo cena beber cocinar
        perro gato pájaro caballo árbol flor jardín río mar lago montaña lluvia nieve viento sol
        frío fría caliente mojado seco oscuro luz pesado vacío lleno roto rota abierto cerrado
        cerrada temprano bueno buena malo mala bonito triste feliz contento enojado cansado
        cansada hambre enfermo enferma dolor cabeza mano pierna brazo ojo pie corazón ayuda ayudar
        necesitar querer quiero quiere gustar venir ver mirar encontrar dar tomar hacer poner
        decir preguntar saber pensar sentir guardar salir empezar parar esperar correr caminar
        sentar dormir caer romper arreglar traer enviar mostrar oír jugar ganar perder probar
        revisar limpiar lavar cortar fuego blanco negro rojo verde azul grande pequeño pequeña
        largo corto viejo nuevo nueva joven izquierda derecha primero último próximo pronto rápido
        lento despacio gracias hospital medicina invierno verano ciudad país mundo vida cosa
        música canción foto historia pregunta respuesta número nombre palabra barco banco batería
        fui vino visto hecho compré perdido llegó llegar llave factura vecino llueve tarde
        paciente fiebre sangre presión pulso dosis pastilla operación herida infección tos
        garganta estómago respiración alergia planta clínica visita estable normal débil fuerte
        instalar reinicio copia memoria disco consulta conexión contraseña versión fallo falló
        falta cambiado añadido revisado borrado base plazo factura contrato cliente pedido entrega
        mercancía paquete pago reembolso firmado aprobado rechazado recibido adjunto dañado
        necesario llegada salida vuelo aeropuerto maleta frontera puerto tormenta atasco accidente
        policía testigo chaqueta camisa zapatos vestido abrigo ropa jabón techo suelo pared valla
        herramienta pintura ruido tranquilo bloqueado atascado robado sucio limpio fresco agrio
        dulce amargo cumpleaños boda vacaciones iglesia vela tarta chocolate vino cerveza queso
        norte sur dos tres cuatro cinco seis siete ocho nueve diez
        abuela abuelo nieto nieta tío tía primo vecina sobrino sobrina bebé dedo rodilla hombro
        oreja nariz boca diente lengua piel hueso vaca oveja cerdo gallina pato mantequilla patata
        papa cebolla zanahoria col maíz trigo campo granja granero hierba cuchillo tenedor cuchara
        plato taza vaso botella olla sartén horno nevera lámpara alfombra cortina almohada manta
        toalla cepillo espejo juguete muñeca pelota juego fútbol cantar bailar reír sonreír llorar
        gritar hablar aprender olvidar recordar enseñar llevar empujar tirar lanzar trepar saltar
        nadar volar cavar plantar coger recoger verter hornear freír coser tejer prestar robar
        esconder soñar esperar visitar viajar conducir aparcar regalar
        """,
    "uk": """
        час рік день тиждень місяць ранок вранці вечір ввечері ніч вночі сьогодні завтра вчора
        година хвилина чоловік жінка дитина діти хлопець дівчина хлопчик мама тато мати батько
        брат сестра друг друзі подруга родина люди лікар медсестра вчитель учень студент водій
        начальник дім будинок кімната двері вікно кухня стіл стілець ліжко машина автобус поїзд
        потяг літак велосипед дорога вулиця міст вокзал станція квиток магазин крамниця ринок
        гроші ціна купити купувати продати платити робота працювати офіс нарада зустріч звіт
        проєкт школа книга читати писати лист телефон дзвонити повідомлення файл помилка сервер
        дані мережа насос вода їсти їжа хліб молоко кава чай суп борщ яблуко риба м'ясо яйце рис
        цукор сіль сніданок обід вечеря пити варити собака пес кіт кішка птах кінь дерево дерева
        квітка сад річка море озеро гора дощ сніг вітер сонце холодно холодний гаряче гарячий
        тепло мокрий сухий темно світло важкий порожній повний зламаний зламався відкритий
        закритий пізно рано добре добрий погано поганий гарний сумно сумний щасливий радий злий
        втомлений голодний хворий хвора боліти болить біль голова рука нога око серце допомога
        допомогти допомагати хотіти хочу любити йти іти піти ходити їхати приїхати прийти бачити
        дивитися знайти дати давати взяти брати робити зробити покласти сказати казати питати
        знати думати відчувати залишити почати чекати бігти сидіти стояти спати впасти падати
        полагодити принести надіслати показати чути грати виграти втратити спробувати перевірити
        мити різати вогонь білий чорний червоний зелений синій великий маленький довгий короткий
        старий новий молодий лівий правий перший останній наступний скоро швидко повільно дякую
        лікарня ліки зима літо місто країна світ життя річ шлях музика пісня історія питання
        відповідь номер ім'я слово корабель банк ключ рахунок сусід
        пацієнт температура кров тиск пульс доза таблетка операція рана запалення кашель горло
        живіт дихання алергія палата клініка стабільний нормальний слабкий сильний
        встановити перезапуск копія пам'ять диск запит вхід пароль версія збій помилилася
        зламано немає замінено додано перевірено видалено база з'єднання термін договір клієнт
        замовлення доставка товар посилка оплата повернення підписано схвалено відхилено отримано
        пошкоджено потрібний приїзд виїзд рейс аеропорт валіза кордон порт буря затор аварія
        поліція свідок куртка сорочка взуття сукня пальто білизна мило дах підлога стіна паркан
        інструмент фарба шум тихий голосно заблоковано вкрадено брудний чистий свіжий кислий
        солодкий гіркий весілля свято церква свічка пиріг шоколад вино пиво сир північ південь два
        три чотири п'ять шість сім вісім дев'ять десять готово важко далеко близько
        бабуся дідусь дід баба онук онука дядько тітка племінник племінниця сусідка немовля палець
        коліно плече вухо ніс рот зуб язик шкіра кістка рана корова вівця свиня курка качка коза
        масло картопля цибуля морква капуста кукурудза пшениця поле ферма сарай трава город ніж
        виделка ложка тарілка чашка склянка пляшка каструля сковорода плита піч холодильник лампа
        килим штора подушка ковдра рушник щітка дзеркало іграшка лялька м'яч гра футбол співати
        танцювати сміятися плакати кричати говорити розмовляти вчити вчитися забути забувати
        пам'ятати нести носити тягнути кидати ловити лізти стрибати плавати літати копати садити
        збирати лити пекти смажити шити в'язати позичити вкрасти ховати мріяти боятися відвідати
        подорожувати водити дарувати подарувати народження весна осінь зірка місяць небо земля
        ліс пісок камінь дорого дешево багато мало довгий мороз вогко
        швидкий повільний далекий близький розмова усмішка сльози страх надія мрія думка спогад
        палиця сходи поверх ліфт балкон подвір'я лавка парк площа музей театр церква собор
        каса черга довга спека картка знижка чек спина дача хмара туман лід вогнище дрова вугілля
        газ струм розетка дріт цвях молоток пила драбина гараж двигун колесо кермо гальма бензин
        мастило шина фара пішохід перехід світлофор зупинка маршрут пасажир вагон спортзал
        тренування команда гравець суддя поразка перемога змагання іспит урок завдання оцінка
        зошит ручка олівець папір клас група лекція диплом наука дослід приклад причина наслідок
        висновок правило закон суд влада уряд вибори президент депутат війна мир армія солдат
        зброя захист напад століття епоха імперія король народ мова культура мистецтво картина
        кіно фільм актор вистава співак концерт газета журнал новина стаття автор читач хвороба
        діагноз лікування укол рецепт аптека зір слух шлунок печінка нирка легені м'яз суглоб
        клітина тканина білок жир вітамін рослина корінь стебло насіння плід листя ґрунт добриво
        врожай тварина лев ведмідь вовк лисиця заєць миша кит змія жаба комаха бджола муха павук
        число сума різниця добуток частка відсоток дріб рівняння коло квадрат кут об'єм швидкість
        сила енергія маса вага довжина ширина висота глибина відстань програма змінна функція цикл
        масив рядок кнопка екран клавіатура принтер сторінка посилання користувач обліковий
        налаштування оновлення завантаження резервна зелена синя червона біла чорна жовта велика
        мала стара нова молода добра погана холодна гаряча тепла суха мокра темна світла важка
        легка порожня повна відкрита закрита зламана брудна чиста свіжа кисла солодка гірка тиха
        голосна швидка повільна дешева тісно вузько широко високо низько глибоко страшно весело
        нудно боляче приємно смачно гучно тихо рівно криво ходить іде їде стоїть лежить сидить
        спить їсть п'є каже знає бачить чує хоче може працює грає читає пише росте падає біжить
        летить пливе горить мовчить дзвонить чекає вантажити натискати рахувати друкувати класти
        тікати гавкати слухати кипіти понеділок вівторок середа четвер п'ятниця субота неділя
        січень лютий березень квітень травень червень липень серпень вересень жовтень листопад
        грудень тридцять сорок п'ятдесят сто тисяча половина трохи мабуть нема ніде нікуди раніше
        потім згодом
        """,
}

NEIGHBOURS: Final = {
    "it": """
        il lo la gli le un uno una di del della dei delle dello nel nella sul sulla dal dalla al
        alla che chi cui non è sono sei siamo siete era erano ha hanno ho abbiamo essere avere io
        lui lei noi voi loro mi ti si ci vi questo questa quello quella questi anche più molto
        perché quando dove come ma se o e ed per con tra fra da su oggi domani ieri casa uomo
        donna bambino acqua pane latte amico lavoro giorno notte tempo anno città strada macchina
        treno libro andare fare mangiare bere dormire grande piccolo buono bello vecchio nuovo
        grazie mattina sera vicino prima dopo gatto cane mercato comprare abbiamo fatto stato
        utente sistema informazioni opzione opzioni pacchetti pacchetto versione valore campo
        seguente può possono deve devono ogni caso solo attraverso riga dimensione rete errore
        dati sono stati essere viene vengono qualsiasi altro altri elenco messaggi uscita
        """,
    "ca": """
        el la els les un una uns unes de del dels al als amb per que qui no és són era eren soc
        ets som i o però si com quan on jo tu ell ella nosaltres ells em et es ens us meu seva
        aquest aquesta això molt més també avui demà ahir casa home dona nen aigua pa llet amic
        feina dia nit temps any ciutat carrer cotxe tren llibre anar fer menjar beure dormir gran
        petit bo vell nou gràcies vam va van surt estem les seves dos
        """,
    "pt": """
        o a os as um uma de do da dos das em no na nos nas ao à pelo pela que quem não é são era
        foi está estão estou tem têm ter ser eu você ele ela nós eles elas me te se lhe meu minha
        seu sua este esta isso isto aquele também mais muito porque quando onde como mas se ou e
        por para com sem sobre até hoje amanhã ontem casa homem mulher criança água pão leite
        amigo trabalho dia noite tempo ano cidade rua carro livro ir fazer comer beber dormir
        grande pequeno bom bonito velho novo obrigado manhã então já ainda coração mãe pai irmão
        ficheiro arquivo usuário utilizador sistema informação configuração opção opções pacotes
        versão valor campo seguinte pode podem deve devem cada caso também apenas através linha
        tamanho senha rede erro dados são foram sendo pelos pelas qualquer outro outros
        """,
    "nl": """
        de het een en van in is dat op te zijn met voor niet aan er om ook als bij maar uit door
        over ze hij wij jij ik je mijn zijn haar ons hun deze die dit wat wie waar hoe wanneer
        waarom naar nog wel geen of dan kan kunnen moet moeten wordt worden heeft hebben was waren
        zou zal vandaag morgen gisteren huis man vrouw kind water brood melk vriend werk dag nacht
        tijd jaar stad straat auto trein boek gaan doen eten drinken slapen groot klein goed mooi
        oud nieuw dank meisje jongen school kijken komen zien maken vrij heel veel altijd ging
        bestand gebruiker systeem optie opties pakket pakketten versie waarde veld volgende elke
        geval alleen regel grootte netwerk fout gegevens wordt worden andere lijst alle hele
        """,
    "da": """
        og at det som en et den i på er af for med til ikke om jeg du han hun vi de var har havde
        kan skal vil fra men eller så når der hvor hvad hvem min din sin vores sig også efter under
        meget kun nu dag morgen går hus mand kvinde barn vand brød mælk ven arbejde nat tid år by
        gade bil tog bog gå gøre spise drikke sove stor lille god gammel ny tak blev være bliver
        alle dette denne disse kunne skulle ville hvis bruger filer vis hver mange andre ble mye
        noe å fram
        """,
    "sv": """
        och att det som en ett den i på är av för med till inte om jag du han hon vi ni de var har
        hade kan ska vill från men eller så när där hur vad vem min din sin vår er sig också efter
        under mycket bara nu idag imorgon igår hus man kvinna barn vatten bröd mjölk vän arbete
        dag natt tid år stad gata bil tåg bok gå göra äta dricka sova stor liten bra gammal ny
        tack og ikke jeg er af til blev være meget hvad hvor når også det å ble mye fra noe
        """,
    "pl": """
        i w na z się nie to że do jest jak o po za od ale czy co przez dla są był była było były
        może być ja ty on ona my wy oni mnie ciebie jego jej nas was ich mój twój swój ten ta te
        tego tej który która które już tylko bardzo gdy kiedy gdzie dlaczego dzisiaj jutro wczoraj
        dom mężczyzna kobieta dziecko woda chleb mleko przyjaciel praca dzień noc czas rok miasto
        ulica samochód pociąg książka iść robić jeść pić spać duży mały dobry stary nowy dziękuję
        """,
    "cs": """
        a v na se že je do si s z to o k i ale jak by jsem jsi jsou byl byla bylo být já ty on ona
        my vy oni mě tě jeho její nás vás jejich můj tvůj svůj ten ta který která které už jen
        velmi když kde proč dnes zítra včera dům muž žena dítě voda chléb mléko přítel práce den
        noc čas rok město ulice auto vlak kniha jít dělat jíst pít spát velký malý dobrý starý
        nový děkuji není pro pod před také nebo tak však sme som nie je čo
        """,
    "ro": """
        și în de la cu pe un o este sunt nu că să se ce mai din pentru care au a fost era am ai
        are eu tu el ea noi voi ei mă te îl îi le lui meu mea său sa acest această când unde cum
        dar sau dacă foarte azi mâine ieri casă om bărbat femeie copil apă pâine lapte prieten
        muncă zi noapte timp an oraș stradă mașină tren carte merge face mânca bea dormi mare mic
        bun frumos vechi nou mulțumesc după până fără ani după acum
        """,
    "tr": """
        ve bir bu da de için ile ne var yok daha çok gibi ama ben sen o biz siz onlar beni seni
        onu benim senin onun bizim şu her kadar sonra önce olarak olan oldu değil mi mı ki en
        bugün yarın dün ev adam kadın çocuk su ekmek süt arkadaş iş gün gece zaman yıl şehir sokak
        araba tren kitap gitmek yapmak yemek içmek uyumak büyük küçük iyi güzel eski yeni teşekkür
        geldi gitti ediyor yapıyor istiyorum okula sabah akşam nasıl neden
        """,
    "id": """
        dan yang di ke dari ini itu untuk dengan tidak adalah pada akan saya kamu anda dia kami
        kita mereka sudah bisa ada juga atau karena oleh dalam seperti tetapi jika ketika lebih
        sangat hari besok kemarin rumah orang laki perempuan anak air roti susu teman kerja malam
        waktu tahun kota jalan mobil kereta buku pergi membuat makan minum tidur besar kecil baik
        indah lama baru terima kasih pasar membeli sayur pagi siang belajar sekolah ayah ibu
        """,
    "fi": """
        ja on ei se että oli hän minä sinä me te he ovat olen olet mutta kun niin kuin tai jos
        myös vain nyt sitten tämä tuo joka mitä missä miksi miten kanssa jälkeen ennen tänään
        huomenna eilen talo mies nainen lapsi vesi leipä maito ystävä työ päivä yö aika vuosi
        kaupunki katu auto juna kirja mennä tehdä syödä juoda nukkua suuri pieni hyvä kaunis vanha
        uusi kiitos ollut olla hänen minun meidän sinun paljon hyvin aina
        """,
    "hu": """
        a az és hogy nem is egy van volt de ha meg már csak mint vagy én te ő mi ti ők engem ez
        azt ezt aki ami hol mikor miért hogyan nagyon ma holnap tegnap ház férfi nő gyerek víz
        kenyér tej barát munka nap éjszaka idő év város utca autó vonat könyv menni csinálni enni
        inni aludni nagy kicsi jó szép régi új köszönöm után előtt alatt között minden lesz lehet
        """,
    "la": """
        et in est non ad cum sed ut qui quae quod ex ab de per si nec atque aut sunt erat esse
        fuit hoc haec ille illa ipse suum eius nos vos ego tu homo vir puella aqua panis amicus
        dies nox tempus annus urbs via liber magnus parvus bonus lorem ipsum dolor sit amet
        consectetur adipiscing elit sed eiusmod tempor incididunt labore dolore magna aliqua enim
        minim veniam quis nostrud exercitation ullamco laboris nisi aliquip commodo consequat
        """,
    "sw": """
        na ya wa kwa ni katika la za cha vya hii huyo hiyo kwamba lakini kama au pia sana mimi
        wewe yeye sisi ninyi wao leo kesho jana nyumba mtu mwanamume mwanamke mtoto maji mkate
        maziwa rafiki kazi siku usiku wakati mwaka mji barabara gari treni kitabu kwenda kufanya
        kula kunywa kulala kubwa ndogo nzuri mpya asante habari watu watoto ninakwenda
        """,
    "vi": """
        và của là có trong được cho không với các một những người này đã đến khi tôi bạn anh chị
        em chúng ta họ nó rất cũng nhưng nếu vì ở đâu sao thế nào hôm nay ngày mai nhà nước bánh
        sữa việc đêm thời gian năm thành phố đường xe tàu sách đi làm ăn uống ngủ lớn nhỏ tốt đẹp
        """,
    "ru": """
        и в во не что он на я с со как а то все она так его но да ты к у же вы за бы по только ее
        мне было вот от меня еще нет о из ему теперь когда даже ну вдруг ли если уже или ни быть
        был него до вас нибудь опять уж вам ведь там потом себя ничего ей может они тут где есть
        надо ней для мы тебя их чем была сам чтоб без будто чего раз тоже себе под будет это этот
        эта эти этого который сегодня завтра вчера дом человек мужчина женщина ребенок дети вода
        хлеб молоко друг работа день ночь время год город улица машина поезд книга идти ехать
        делать есть пить спать большой маленький хороший старый новый спасибо мать отец утро вечер
        кошка кот собака спит диван дождь снег солнце ветер школа больница врач врача боль голова
        рука нога сердце деньги цена магазин рынок купить продать письмо телефон звонит сообщение
        ошибка сервер сеть насос окно дверь кухня стол стул кровать поехали приехал пришел видит
        знает думает говорит сказал хочет любит надо можно нельзя холодно тепло грустно весело
        рано поздно быстро медленно хорошо плохо первый последний красный черный белый зеленый
        """,
    "be": """
        і ў у не што ён на я з са як а то усе яна так яго але ты да вы за бы па толькі яе мне было
        вось ад мяне яшчэ няма пра з яму калі нават ці або ні быць быў цябе іх чым была сам без
        гэта гэты гэтая які сёння заўтра ўчора дом чалавек жанчына дзіця дзеці вада хлеб малако
        сябар праца дзень ноч час год горад вуліца машына цягнік кніга ісці рабіць есці піць спаць
        вялікі маленькі добры стары новы дзякуй
        """,
    "bg": """
        и в на не че той се да с за от по но как това тя те ние вие аз ти е са беше бяха има няма
        ще го му я ги си съм сме кой която което които какво къде кога защо много само още вече
        или ако при до след преди днес утре вчера къща човек мъж жена дете вода хляб мляко приятел
        работа ден нощ време година град улица кола влак книга отива прави яде пие спи голям малък
        добър стар нов благодаря који је се да није за што су био била ово
        """,
}
