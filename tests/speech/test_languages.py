"""Healthy and telegraphic texts in each language that is judged, and texts in others."""

import pytest

from mlsdm_grpc.speech import analyse

HEALTHY = {
    "en": """
        The kettle boils, and somebody has to take it off the stove.
        Well, the total is 17.
        Thanks! See you tomorrow.
        Good morning, Anna! How are you?
        Birds fly south in winter.
        Photosynthesis converts light energy into chemical energy.
        Kubernetes schedules containers across nodes.
        Open Settings, choose Network and click Reset.
        Regular exercise improves sleep quality and reduces stress levels.
        Larger batch sizes increase GPU memory consumption.
        Great question! Most modern browsers support WebAssembly natively.
        Symptoms include fever, dry cough, fatigue and loss of taste.
        Yep, that's the one. Looks great!
        Ask Maria. She knows.
        lol no way, when did that happen??
        He paused... then he smiled. "Come in," she said.
        Water boils at 100 degrees. Ice melts at zero.
        Plants absorb light, release oxygen and store sugar.
        I no longer eat meat. She no longer drinks milk.
        If you know how, you win when they lose.
        Yes, otters eat fish.
        Hi there! How are you?
        Turn the page - then read on.
        Opening hours: Monday - Friday, nine to five.
        After the war, he never spoke about what he had seen.
        Born in Ulm, he later became a citizen of Switzerland.
        At midnight, he crept out of the house. He later rang the doctor.
        I suggest that, whatever happens, he stay calm.
        I drink coffee every morning before work.
        They work hard, play hard and live well.
        If you like tea, try green tea or white tea.
        I take no drink with lunch.
        """,
    "de": """
        Der Kessel kocht, und jemand muss ihn vom Herd nehmen.
        Ich gehe heute einkaufen, dann kochen wir zusammen.
        Möchtest du lieber Tee trinken?
        Abends sitzen wir zusammen und reden.
        Ich weiß nicht, wo Bären schlafen.
        Niemand weiß, warum Menschen lachen.
        Du kannst Brot, Käse und Wein kaufen.
        Männer, Frauen und Kinder tanzen.
        Der Zug hat zehn Minuten Verspätung.
        Guten Morgen, Frau Schmidt! Wie geht es Ihnen?
        Am 3. Mai beginnt die Messe, d. h. wir haben z. B. noch Zeit.
        Photosynthese wandelt Lichtenergie in chemische Energie um.
        Peter arbeitet heute zu Hause.
        hab ich schon gemacht, schau mal in dein postfach
        Herr Dr. Meyer ist am 12. März ab 14 Uhr zu sprechen.
        Wasser kocht bei 100 Grad. Eis schmilzt bei null.
        Machen Sie bitte die Tür zu. Danke.
        """,
    "fr": """
        La bouilloire chante et il faut la retirer du feu.
        L'eau bout à 100 degrés.
        Redémarrez le serveur, puis réessayez.
        Quelle heure est-il, s'il vous plaît ?
        Les effets indésirables courants sont nausées, maux de tête et vertiges.
        Bonjour Madame Dupont, comment allez-vous ?
        t'inquiète, j'arrive dans cinq minutes
        Ce restaurant est bon, et pas cher non plus.
        Peut-être. Je vous rappelle demain après le rendez-vous.
        Comme toi, moi également j'aime lire.
        """,
    "es": """
        La tetera hierve y alguien tiene que apartarla del fuego.
        El tren tiene diez minutos de retraso.
        Buenos días, señora López, ¿cómo está?
        Python admite varios paradigmas de programación.
        Llegamos tarde al cine.
        tranqui, llego en cinco minutos
        Ya llegué. Ahora salgo. Vivo en Madrid.
        Trabajo mucho, duermo poco y viajo siempre.
        """,
    "uk": """
        Сьогодні ми гуляли парком і дивилися на старі дерева.
        Поїзд запізнився на десять хвилин.
        Сервер перезапускається автоматично після оновлення.
        Розмір файлу не повинен перевищувати 5 МБ.
        Мій брат працює інженером на заводі.
        Доброго дня! Чим можу допомогти?
        Червоні кров'яні тільця переносять кисень від легень до тканин.
        Так, залюбки! О котрій годині?
        Він після роботи вдома, і вони з мамою разом.
        Ви не зможете вилучити цей запис без дозволу.
        Небо здається блакитним, бо повітря розсіює короткі хвилі.
        Не знаю. Не бачив його сьогодні.
        Коли йде дощ, я сиджу вдома і дивлюсь кіно.
        """,
}
TELEGRAPHIC = {
    "en": """
        Bus late. No seat. Sad.
        Cold. Wet. Not nice.
        Bird fly. Fish swim.
        Pump broken. Call plumber.
        Door open. Light off. Man gone.
        Man go store buy milk.
        Walk dog park. Dog happy. Me tired.
        He go work. She stay home. Baby cry.
        Server down. Disk full. Need help.
        flight cancelled, hotel full, sleep airport
        ARRIVED SAFELY STOP WEATHER BAD STOP SEND MONEY STOP
        Yesterday accident. Car red. The police came after ten minutes. Long wait. Cold.
        Army weak, taxes high, borders long. Many enemies.
        Light in, sugar out. Water needed.
        Form at office. Deadline in April. Help from clerk.
        Cause: disk full. Effect: service down.
        I no have paper. They no understand letter.
        She happy. He sick. House quiet. Long winter.
        Dog run away, I look, no find.
        apples... bread... shop... closed
        Yesterday garden work, mouth no say why
        """,
    "de": """
        Bus spät. Kein Platz. Traurig.
        Mann gehen Laden kaufen Milch.
        Rechnung bezahlt. Ware erhalten. Zwei Kisten beschädigt.
        Kinder Garten Ball spielen Fenster kaputt Vater schimpfen.
        Oma stricken Pullover. Enkel Geburtstag. Er hat sich gefreut. Kuchen. Kerzen.
        Brot alle. Laden zu. Hunger groß.
        Er nicht kommen. Sie traurig. Haus leer, Heizung aus.
        Tochter Kuchen bringen, ich Kaffee kochen
        """,
    "fr": """
        Bus retard. Pas place. Triste.
        Homme aller magasin acheter lait.
        Facture payée. Marchandise reçue. Deux caisses abîmées.
        Moi lever tôt, boire thé, prendre bus, travail, maison, dormir.
        RÉUNION ANNULÉE STOP NOUVELLE DATE JUILLET STOP PRÉVENIR AUTRES STOP
        Rendez-vous dentiste. Douleur. Appel peut-être.
        Lui pas venir. Elle triste. Maison vide.
        """,
    "es": """
        Autobús tarde. Sin asiento. Triste.
        Hombre ir tienda comprar leche.
        Yo levantar temprano, tomar té, ir autobús, trabajo, casa, dormir.
        Vuelo cancelado, hotel lleno, dormir aeropuerto
        """,
    "uk": """
        Мама готувати борщ. Тато робота.
        Принтер зламаний. Папір нема. Викликати майстер.
        Жінка магазин купити молоко хліб гроші мало.
        Я раніше говорити добре, тепер слово не іти.
        Я рано вставати, пити чай, їхати автобус, робота, дім, спати.
        ЗУСТРІЧ СКАСОВАНО КРПК НОВА ДАТА ЛИПЕНЬ КРПК ПОВІДОМИТИ ІНШИХ КРПК
        Він не прийти. Вона сумна. Дім порожній.
        """,
}
OTHERS = {
    "it": "Ieri siamo andati al mare con i miei cugini e abbiamo mangiato il gelato.",
    "pt": "Ontem fomos à praia com os meus primos e comemos gelado.",
    "nl": "Gisteren zijn we met mijn neven naar het strand geweest.",
    "sv": "Igår åkte vi till stranden med mina kusiner.",
    "da": "I går tog vi til stranden med mine fætre.",
    "pl": "Wczoraj pojechaliśmy z kuzynami nad morze.",
    "cs": "Včera jsme jeli s bratranci k moři.",
    "tr": "Dün kuzenlerimle denize gittik ve dondurma yedik.",
    "fi": "Eilen menimme serkkujeni kanssa rannalle.",
    "hu": "Tegnap elmentünk a strandra az unokatestvéreimmel.",
    "id": "Kemarin kami pergi ke pantai bersama sepupu saya.",
    "ru": "Вчера мы ездили на море с двоюродными братьями.",
    "bg": "Вчера отидохме на море с братовчедите ми.",
    "be": "Учора мы ездзілі на мора са стрыечнымі братамі.",
    "la": "Lorem ipsum dolor sit amet, consectetur adipiscing elit.",
    "zh": "今天天气很好，我们去公园散步，然后在湖边吃午饭。",
    "ja": "はい、明日の朝、九時に駅で待っています。",
    "ar": "بعد التحديث أصبح التطبيق أسرع، لكنه يحتاج إلى مساحة أكبر.",
    "el": "Χθες πήγαμε στη θάλασσα με τα ξαδέρφια μου.",
    "none": "xqzt plorb vrent kwooz mip gthx",
}


def _cases(texts):
    return [
        pytest.param(language, line.strip(), id=f"{language}-{number}")
        for language, block in texts.items()
        for number, line in enumerate(block.strip().splitlines())
    ]


@pytest.mark.parametrize(("language", "text"), _cases(HEALTHY))
def test_healthy_texts_pass(language, text):
    report = analyse(text)
    assert not report.is_aphasic
    assert report.language == ("" if report.abstained else language)


@pytest.mark.parametrize(("language", "text"), _cases(TELEGRAPHIC))
def test_telegraphic_texts_are_found(language, text):
    report = analyse(text)
    assert report.is_aphasic
    assert not report.abstained
    assert report.language == language


@pytest.mark.parametrize("text", OTHERS.values(), ids=OTHERS.keys())
def test_other_languages_are_not_judged(text):
    report = analyse(text)
    assert report.abstained
    assert not report.is_aphasic
    assert report.language == ""


def test_a_caller_may_name_the_language():
    text = "Bus late. No seat. Sad."
    assert analyse(text, language="en") == analyse(text)
    assert analyse(text, language="en-GB") == analyse(text)
    assert analyse(text, language="EN_us ") == analyse(text)
    assert analyse(text, language="") == analyse(text)
    assert analyse(text, language="de").language == "de"


@pytest.mark.parametrize("language", ["it", "xx", "english", "??", "uk"])
def test_a_language_without_a_list_or_in_another_script_is_not_judged(language):
    report = analyse("Bus late. No seat. Sad.", language=language)
    assert report.abstained
    assert not report.is_aphasic
    assert report.language == ""
