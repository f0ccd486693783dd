"""Words with a grammatical role in the languages that are judged. Data only.

``FUNCTION_WORDS`` are the closed classes: articles, pronouns, prepositions, conjunctions,
auxiliaries, particles. Plain negation that a telegraphic speaker keeps ("no", "kein") is left out.

To add a language: give it an entry in every mapping here, in ``vocabulary.CONTENT_WORDS`` and in
the mappings of ``grammar.py`` that have all languages, and texts in
``tests/speech/test_languages.py``.
"""

from __future__ import annotations

from typing import Final

__all__ = [
    "ADVERBS",
    "ANSWERS",
    "BARE_VERBS",
    "COMPOUNDS",
    "DROPPED_FIRST",
    "FORMULAS",
    "FUNCTION_WORDS",
    "HEDGES",
    "INFINITIVES",
    "JOINERS",
    "KEPT",
    "KEPT_LONGEST",
    "NOT_INFLECTED",
    "PARTICLES",
    "POINTERS",
    "PREPOSITIONS",
    "PRETERITES",
    "TAKE_INFINITIVES",
    "TIMES",
    "UNCHANGED",
    "word_set",
]


def word_set(text: str) -> frozenset[str]:
    """Return the words between the spaces of ``text``."""
    return frozenset(text.split())


FUNCTION_WORDS: Final = {
    "en": """
        a an the this that these those another every each either neither some any all both many
        much few more most several such other others same own enough
        i you he she it we they me him her us them my your his its our their mine yours hers ours
        theirs myself yourself himself herself itself ourselves themselves one someone somebody
        something anyone anybody anything everyone everybody everything nobody nothing none
        who whom whose which what when where why how whoever whatever whichever whenever wherever
        is am are was were be been being isn't aren't wasn't weren't has have had having do does
        did doing done will would shall should can could may might must ought cannot let's
        and or but nor yet so if because although though while whereas unless until till since
        than as whether once
        of in on at to from by for with without within about against between among into onto
        through throughout during before after above below under over across along around
        behind instead
        beside besides beyond near off out up down toward towards upon via per despite except
        there here then thus therefore however too also just only even still already
        ever very quite rather almost always often again
        i'm i've i'll i'd you're you've you'll you'd he's he'd he'll she's she'd she'll it's it'd
        it'll we're we've we'll we'd they're they've they'll they'd that's that'll there's there'd
        here's what's who's where's how's when's why's don't doesn't didn't won't wouldn't
        shouldn't can't couldn't mustn't hasn't haven't hadn't needn't
        """,
    "de": """
        der die das den dem des ein eine einen einem einer eines dieser diese dieses diesen diesem
        jener jene jenes jeder jede jedes jeden jedem alle allen aller alles viele vielen einige
        einigen manche mehrere solche solchen andere anderen anderer anderes beide beiden welche
        welcher welches welchen keinen keinem keiner
        ich du er sie es wir ihr mich dich ihn uns euch mir dir ihm ihnen sich man jemand niemand
        etwas nichts mein meine meinen meinem meiner dein deine deinen deinem deiner sein seine
        seinen seinem seiner seines ihre ihren ihrem ihrer ihres unser unsere unseren unserem
        unserer euer eure euren wer wen wem wessen was wo wann warum wie wohin woher wieso weshalb
        bin bist ist sind seid war warst waren wart gewesen wäre wären habe hast hat haben habt
        hatte hattest hatten hattet hätte hätten werde wirst wird werden werdet wurde wurden worden
        würde würden kann kannst können könnt konnte konnten könnte könnten muss musst müssen
        müsst musste mussten müsste soll sollst sollen sollt sollte sollten will willst wollen
        wollt wollte wollten darf darfst dürfen durfte dürfte mag möchte möchten lassen lässt
        und oder aber denn sondern doch weil dass wenn als ob obwohl damit bevor nachdem während
        bis seit sobald solange sowie weder noch entweder falls indem sodass daher deshalb
        deswegen trotzdem dennoch außerdem jedoch also
        in im ins an am ans auf aufs aus bei beim mit nach von vom zu zum zur für durch gegen ohne
        um über unter vor hinter neben zwischen wegen trotz statt innerhalb außerhalb laut pro ab
        dabei dafür dagegen daran darauf daraus darin darüber darum davon dazu hier dort da dann
        nun jetzt nur auch schon noch sehr ja eben mal so zwar etwa wieder immer gar
        """,
    "fr": """
        le la les l un une des du de d au aux ce cet cette ces chaque quelque quelques plusieurs
        tout toute tous toutes autre autres même mêmes tel telle tels telles certains certaines
        aucun aucune quel quelle quels quelles
        je j tu il elle on nous vous ils elles me m te t se s lui leur leurs moi toi soi eux y en
        mon ma mes ton ta tes son sa ses notre nos votre vos qui que qu quoi dont où quand comment
        pourquoi combien lequel laquelle lesquels celui celle ceux celles ceci cela ça c rien
        quelqu personne
        suis es est sommes êtes sont étais était étaient étions fut furent été être serai sera
        seront serait seraient soit soient sois ai as a avons avez ont avais avait avaient avions
        eu aura auront aurait auraient ait aient avoir vais vas va allons allez vont peux peut
        pouvons pouvez peuvent pouvait pourrait pourraient pourra dois doit devons devez doivent
        devait devrait devraient faut fait veux veut voulons voulez veulent voudrais sera aurais
        et ou mais donc or ni car si comme lorsque lorsqu puisque puisqu quoique parce afin tandis
        pendant depuis jusque jusqu dès ainsi alors cependant pourtant toutefois aussi
        à dans par pour sur sous avec sans chez entre vers contre avant après devant derrière
        selon malgré sauf hors lors près loin durant parmi via
        ne n plus moins très trop assez bien déjà encore toujours jamais souvent ici là voici
        voilà peu beaucoup seulement surtout puis peut-être
        """,
    "es": """
        el la los las lo un una unos unas al del este esta esto estos estas ese esa eso esos esas
        aquel aquella aquello aquellos cada todo toda todos todas otro otra otros otras mismo
        misma mismos algún alguno alguna algunos algunas ningún ninguno ninguna varios varias
        muchos muchas mucho mucha pocos pocas tal tales ambos cualquier
        yo tú él ella ello nosotros vosotros ellos ellas usted ustedes me te se nos os le les mí
        ti sí conmigo contigo consigo mi mis tu tus su sus nuestro nuestra nuestros nuestras
        vuestro vuestra algo alguien nada nadie que quien quienes cual cuales cuyo cuya qué quién
        cuál cuándo dónde cómo cuánto cuánta por porque
        soy eres es somos son era eras éramos eran fui fue fueron sido ser sea sean será serán
        sería estoy estás está estamos están estaba estaban estuvo estar esté estará estado he has
        ha hemos han había habían hubo haya habrá habría haber hay puedo puedes puede podemos
        pueden podía podría podrían poder debo debe deben debemos debería deberían tengo tienes
        tiene tenemos tienen tenía voy vas va vamos van iba iban
        y e o u ni pero sino aunque si como cuando donde mientras pues entonces además también
        tampoco sin embargo luego así
        a ante bajo con contra de desde durante en entre hacia hasta mediante para según sobre
        tras excepto salvo
        ya más menos muy tan tanto aún todavía siempre casi solo sólo aquí ahí allí bien
        antes después
        """,
    "uk": """
        і й та а але або чи що щоб як якби якщо коли бо тому хоча поки доки ніж немов наче адже
        проте однак зате отже де куди звідки хто кого кому ким чого чому чим скільки
        який яка яке які якого якої якому якій яку яких яким якими чий чия чиє чиї
        я ти він вона воно ми ви вони мене тебе його її нас вас їх мені тобі йому їй нам вам їм
        мною тобою ним нею нього неї них нами вами ними себе собі собою
        мій моя моє мої мого моєї моєму мою моїх моїм твій твоя твоє твої твого твоєї твою наш
        наша наше наші нашого нашої нашу наших нашим нашому нашій ваш ваша ваше ваші вашого вашої
        вашу ваших вашим їхній їхня їхнє їхні їхніх свій своя своє свої свого своєї своєму своїй
        свою своїх своїм своїми
        цей ця це ці цього цієї цьому цій цю цих цим цією той те ті того тієї тій ту тих тим
        весь вся все всі всього всієї всьому всю всіх всім усе усі усіх кожен кожна кожне кожного
        кожної кожну сам сама само самі інший інша інше інші іншого інших такий така таке такі
        дехто хтось щось ніхто ніщо нічого деякі декілька кілька багато обидва
        в у на з із зі до від для за під над перед при про по через між без біля після крізь
        серед щодо навколо проти замість крім окрім протягом завдяки попри заради поблизу
        є був була було були буде будуть буду будемо будеш бути
        ж же би б лише тільки навіть вже уже ще теж також саме ось от хай нехай
        може можна можуть можемо можете треба потрібно слід варто мусить має мають маємо
        повинен повинна повинно повинні
        там тут тоді так дуже тепер завжди
        """,
}

DROPPED_FIRST: Final = {
    "en": """
        a an the is am are was were be been being has have had does did will would shall should
        can could may might must i'm i've i'll i'd you're you've you'll you'd he's he'll he'd she's
        she'll she'd it's it'll it'd we're we've we'll we'd they're they've they'll they'd that's
        there's what's who's where's how's isn't aren't wasn't weren't don't doesn't didn't won't
        wouldn't shouldn't can't couldn't hasn't haven't hadn't let's
        """,
    "de": """
        der die das den dem des ein eine einen einem einer eines bin bist ist sind seid war waren
        habe hast hat haben habt hatte hatten werde wird werden wurde wurden kann kannst können
        konnte muss müssen musste soll sollen sollte will wollen wollte darf
        """,
    "fr": """
        le la les l un une des du au aux suis es est sommes êtes sont était étaient a ai as avons
        avez ont avait sera serait faut peut doit va
        """,
    "es": """
        el la los las un una unos unas al del soy eres es somos son era eran fue fueron he has ha
        hemos han había está están estaba hay puede debe va
        """,
    "uk": "",
}
"""Function words that telegraphic speech drops first."""

KEPT_LONGEST: Final = {
    "en": """
        before after here there too very quite also just only still already again always often out
        up down off away now then ever once back every each many all
        """,
    "de": """
        hier dort da dann nun jetzt nur auch schon noch sehr immer wieder ja eben mal so ab vor
        jeden jede jeder alle viele
        """,
    "fr": """
        avant après ici là plus moins très trop bien déjà encore toujours jamais souvent puis
        maintenant aussi peu beaucoup loin près seulement chaque tout tous toute peut-être
        """,
    "es": """
        antes después ahora ya más menos muy tan tanto mucho mucha todavía siempre casi solo sólo
        aquí ahí allí bien luego además también cada todo toda todos todas
        """,
    "uk": """
        не вже уже ще теж також тільки лише дуже тут там тоді тепер завжди так ось кожен кожна
        кожне все всі багато
        """,
}
"""Adverbs that telegraphic speech keeps; they say little about grammar."""

KEPT: Final = {
    "en": """
        i you he she it we they me him us them who what when where why how and or but so if because
        much everybody nobody
        """,
    "de": "ich du er sie es wir ihr mich dich mir dir wer was wo wann warum wie und oder aber weil"
    " wenn",
    "fr": "je tu il elle nous vous moi toi qui quand comment pourquoi combien où et ou mais si car",
    "es": "yo tú él ella nosotros quién qué cuándo dónde cómo y o pero si cuando donde porque",
    "uk": "я ти він вона ми ви вони хто що коли де чому як і та а але бо якщо",
}
"""Other function words that telegraphic speech keeps: persons, question words, conjunctions."""

ANSWERS: Final = word_set("yes no ja nein oui non si sí так ні well")
"""Words before the comma of an answer: "No, they do not."."""

PREPOSITIONS: Final = {
    "en": """
        in on of at to from by for with without about against between into through during before
        after till until since near under over per
        """,
    "de": """
        in an auf aus bei mit nach von vor zu für durch gegen ohne um über unter hinter neben
        zwischen wegen trotz statt seit bis pro ab
        """,
    "fr": """
        de d à en dans par pour sur sous avec sans chez entre vers contre avant après devant
        derrière depuis dès
        """,
}
"""Prepositions without an article in them, which notes keep where they need one."""

JOINERS: Final = {
    "en": "and or but",
    "de": "und oder aber sondern",
    "fr": "et ou mais",
    "es": "y e o u pero sino",
    "uk": "і й та або але",
}
"""Conjunctions between parts of a sentence, which notes do without."""

PARTICLES: Final = {
    "en": "in on off out up down over under through by near around behind inside outside",
    "de": "zu auf an aus ab mit los weg um nach alle durch über unter vor hinter",
    "fr": "dedans dehors dessus dessous devant derrière contre avant après",
}
"""Prepositions and the like that stand for a predicate in a note: "Light in, sugar out."."""

POINTERS: Final = {
    "en": "this these each every",
    "de": "diese dieses diesen diesem dieser jede jedes jeden",
    "fr": "ce cet cette ces chaque",
    "es": "este esta estos estas cada",
    "uk": "цього цієї цей цю ці кожен кожного кожної",
}

TIMES: Final = {
    "en": """
        time morning afternoon evening night day week weekend month quarter year spring summer
        autumn winter hour minute second
        """,
    "de": """
        mal morgen vormittag nachmittag abend nacht tag woche wochenende monat quartal jahr
        frühling frühjahr sommer herbst winter stunde minute sekunde
        """,
    "fr": """
        fois matin soir nuit jour journée semaine mois trimestre année an printemps été automne
        hiver heure minute seconde matinée soirée
        """,
    "es": """
        vez mañana tarde noche día semana mes trimestre año primavera verano otoño invierno hora
        minuto segundo
        """,
    "uk": """
        разу раз ранку вечора вечір дня день тижня тиждень місяця місяць року рік весни весну літа
        літо осені осінь зими зиму години годину хвилини хвилину
        """,
}
"""Times; with a pointer before them they say when, like "today"."""

FORMULAS: Final = {
    "en": """
        hello hi hey there bye goodbye good morning afternoon evening night thanks thank you yes
        yeah yep ok okay sure sorry please welcome cheers congratulations congrats great perfect
        exactly right absolutely agreed dear regards best wishes happy birthday enjoy
        mr mrs ms sir madam
        """,
    "de": """
        hallo hi hey tschüss servus guten gute tag morgen abend nacht danke dankeschön vielen dank
        ja doch ok okay gern gerne bitte entschuldigung sorry genau klar natürlich richtig
        liebe viele beste grüße herzlichen glückwunsch willkommen super frau herr
        """,
    "fr": """
        bonjour bonsoir salut coucou merci beaucoup oui si ok okay pardon désolé désolée bien
        sûr exactement parfait super bienvenue félicitations cher chère bonne journée soirée nuit
        cordialement volontiers absolument madame monsieur
        """,
    "es": """
        hola buenos buenas días tardes noches adiós gracias muchas sí ok vale perdón por favor
        claro exacto perfecto bienvenido bienvenida felicidades querido querida saludos cordiales
        genial señor señora
        """,
    "uk": """
        привіт вітаю добрий день ранок вечір добридень доброго ранку вечора дня на добраніч бувай
        до побачення дякую дуже так гаразд добре звісно звичайно вибачте вибач перепрошую
        будь ласка прошу ласкаво просимо чудово супер пане пані
        """,
}
"""Words of greetings, thanks and assent."""

NOT_INFLECTED: Final = word_set(
    """
    morning evening thing nothing something anything everything building ceiling king ring spring
    string wing wedding tired scared need feed speed hundred ambulance drive arrive
    alive bed red shed family fly july early city always news tennis
    kalt laut schlecht gut nicht zeit bett brot arzt markt stadt nacht haupt ort wort welt boot
    blut hut fest post kunst angst herbst luft kraft hand wand geld wind kind bald wald bild hemd
    kaputt nett satt dicht leicht echt fett hart heft gift licht recht schnitt monat heimat obst
    schrift dienst gast lust brust wurst mist nest rest nord alt spät punkt takt
    moment appartement médicament abonnement bâtiment table silence chance france balance
    п'ять дев'ять десять двадцять тридцять пам'ять мати діти роботи освіти стать печать
    verdad ciudad mitad edad navidad enfermedad university université universidad
    """
)
"""Everyday words that only look like they had an ending."""

COMPOUNDS: Final = word_set("peut-être rendez-vous porte-à-porte tête-à-tête vis-à-vis après-midi")
"""Hyphenated words that have no grammar, though their parts would."""

PRETERITES: Final = word_set(
    """
    went came took saw knew began wrote spoke fell gave ate drank drove rose chose broke wore grew
    drew flew ran sang swam threw became got made found told thought bought brought kept felt met
    sat stood lost won paid sent built held heard sold taught caught understood left said put let
    cut hit hurt set read led fed slept swept spent meant dealt learnt fought sought hung lay stole
    crept beat rang strode forgave overcame knelt wove shrank awoke dreamt wept froze bade leapt
    woke forgot shook stuck struck swore tore withdrew began blew bit hid rode shot shut sank
    quit spread burst cost swung spun dug clung bent lent lit slid sprang drank
    """
)
"""English verbs in the past that do not end in "ed"."""

UNCHANGED: Final = word_set("put let cut hit hurt set read quit spread burst cost shut")
"""Those of them that are as in the present."""

BARE_VERBS: Final = word_set(
    """
    tell find understand go come know want see hear eat speak bring give take get make write
    remember forget say
    """
)
"""English verbs that are not said with "no" before them: "mouth no say"."""

ADVERBS: Final = word_set(
    "never later soon first second somehow alone twice maybe perhaps sometimes today tomorrow"
    " yesterday sadly once"
)
"""Others that may stand between an English person and its verb: "she later moved"."""

INFINITIVES: Final = word_set(
    """
    anrufen antworten arbeiten aufstehen backen baden bauen beißen bekommen bezahlen bleiben bringen
    denken einkaufen erzählen essen fahren fallen feiern finden fliegen fragen geben gehen graben
    heiraten helfen heißen holen hören kaufen kochen kommen lachen laufen leben lernen lesen machen
    malen nehmen nähen pflanzen putzen reden rauskommen reisen rufen sagen schlafen schneiden
    schreiben schreien schwimmen sehen singen sitzen spielen sprechen stehen sterben suchen tanzen
    telefonieren tragen treffen trinken tun vergessen verkaufen verlieren verstehen warten waschen
    weinen werfen wissen wohnen zahlen ziehen
    """
)
"""German infinitives that everyone uses."""

TAKE_INFINITIVES: Final = word_set(
    """
    möchtest könntest könnten würdest würden solltest dürftest dürften wolltest wir wie wo warum was
    wer wann bitte zu gehe gehst geht gehen ging gingen komme kommst kommt kam fahre fährst fährt
    fahren fuhr
    lerne lernst lernt lernen bleibe bleibst bleibt bleiben blieb höre hörst hört sehe siehst sieht
    sah lasse lasst lass ließ helfe hilfst hilft half brauche brauchst braucht scheint weil wenn
    """
)
"""German words that an infinitive, or a verb that looks like one, may follow at the end."""

HEDGES: Final = {
    "en": """
        i think|i guess|i believe|i suppose|maybe|perhaps|probably|possibly|presumably|might be
        might have|could be|may be|may have|i'm not sure|not sure|not certain|seems like|seems to
        appears to|likely|as far as i know|it depends|not entirely|i would guess|hard to say
        """,
    "de": """
        ich glaube|ich denke|ich vermute|vielleicht|wahrscheinlich|vermutlich|möglicherweise
        eventuell|könnte sein|kann sein|nicht sicher|scheint|anscheinend|wohl|soweit ich weiß
        unter umständen|schwer zu sagen|womöglich
        """,
    "fr": """
        je pense|je crois|je suppose|peut-être|peut être|probablement|sans doute|éventuellement
        possiblement
        il semble|il se peut|pas sûr|pas sûre|pas certain|pas certaine|semble t il|on dirait
        pourrait être|difficile à dire|autant que je sache
        """,
    "es": """
        creo que|pienso que|supongo|quizás|quizá|tal vez|probablemente|posiblemente|a lo mejor
        puede que|puede ser|podría ser|parece que|no estoy seguro|no estoy segura|no sé si
        seguramente|difícil de decir|que yo sepa
        """,
    "uk": """
        я думаю|я вважаю|мабуть|можливо|напевно|імовірно|ймовірно|здається|схоже|очевидно
        не впевнений|не впевнена|може бути|певно|важко сказати|наскільки я знаю|припускаю|либонь
        """,
}
"""Words and phrases by which a speaker takes a statement back in part; ``|`` or a line end
separates them."""
