"""German words by class."""

from __future__ import annotations

from typing import Final

from mlsdm_grpc.governance.matching.lexicon import Table

__all__ = ["HARM"]

HARM: Final[Table] = {
    "NONE": "schlagzeile* schlagersänger totenkopfäffchen",
    "REQ": """
        wie~ich wie~man wie~wir wo~ich womit~ich welche~menge wie_kann_ich wie_kann_man
        wie_könnte_ich wie_komme_ich wie_mache_ich wie_macht_man wie_stelle wie_baue_ich
        wie_baut_man wie_mische wie_bekomme_ich wie_kriege_ich wie_krieg_ich wie_bringe_ich
        wie_bring_ich wie_schaffe_ich wie_verkaufe wie_fälsche wie_knacke wie_knackt
        wie_lese_ich wie_finde_ich wie_klaue wie_hacke wie_installiere wie_verstecke wie_orte
        wie_züchte wie_koche wie_würde wie_viel wie_viele wieviele wieviel wie_lange wie_tief
        wie_hoch wie_schnell wie_am wie_man wie_ich wie_überwache wie_töte wie_stehle wie_drucke
        wie_filme wie_zwinge wie_überrede wo_kann_ich wo_bekomme wo_kriege wo_krieg wo_finde
        wo_kaufe wo_gibt_es wo_gibts wer_verkauft wer_kann welche welcher welches womit hilf_mir
        hilf hilfst zeig_mir zeig sag_mir sag erklär* erkläre beschreib* schreib schreibe
        schreib_mir gib_mir gib nenn_mir nenn nenne such_mir such suche brauche brauch
        ich_möchte ich_will ich_würde möchte mach_mir mach erstell* anleitung* rezept*
        schritt_für_schritt plan tipp tipps beste_methode am_besten am_schnellsten
        am_leichtesten verrate besorg* liefere entwirf formulier* verfass* denk_dir_aus überleg*
        bau_mir bring_mir_bei""",
    "WANT": """
        ich_werde ich_will wir_werden wir_wollen ich_möchte lass_uns lasst_uns wir_machen
        ich_schwöre sollte_man man_sollte müsste_man man_müsste gehört gehören ich_bring
        ich_bringe ich_mach ich_mache dann_mach wir_sollten werd_ich werde_ich will_ich
        wollen_wir heute_nacht morgen heute_abend nach_dem""",
    "HOPE": "hoffe hoffentlich wünsche wünsch wünschte",
    "YOU": "du dich dir dein deine deinen deinem deiner deines euch ihr_alle",
    "PERSON": """
        ihn ihm ihr jemand* leute menschen mann männer frau frauen mädchen junge jungen kind
        kinder schüler* lehrer* nachbar* chef* ehemann ehefrau freund* kollege* kollegin*
        mitbewohner* mitschüler* klassenkamerad* bruder schwester mutter vater mama papa eltern
        oma opa familie* sohn tochter polizist* bulle bullen richter* zeuge* politiker*
        bürgermeister* fremde* baby hund hunde katze* tier tiere schiri schiedsrichter* passant*
        besucher* zuschauer* journalist* rentner* senior* obdachlose* typ alle ex verräter* arzt
        ärzt* vermieter* schwager""",
    "REL": """
        meine_frau meiner_frau meines_mannes meinem_mann mein_mann meinen_mann meine_freundin
        meiner_freundin mein_freund meines_freundes meinem_freund meine_ex meiner_ex mein_ex
        mein_chef meines_chefs meinem_chef meine_nachbar* meiner_nachbar* mein_nachbar*
        meines_nachbar* meinem_nachbar* meinen_nachbar* mitbewohner* kolleg* nachbar* exfreund*
        ex-freund* ex chefin chef chefs lehrer* freundin freundes ihr ihre ihrem ihren ihrer
        ihres sein seine seinem seinen seiner seines jemandem fremden fremder mieter* schwester
        tochter schüler* mitschüler* mannes ehemann* ehefrau* streamer*""",
    "GROUP": """
        behinderte asylanten jude juden jüdisch* muslim* moslem* islam araber* türke* türken
        afrikaner* schwarze* asiat* chinese* polen russen rumänen roma sinti zigeuner*
        ausländer* migrant* flüchtling* asylant* asylbewerber* geflüchtete* einwander* schwule*
        lesben homosexuell* transmenschen trans_menschen transsexuell* frauen weiber behinderte*
        krüppel* christen katholik* rollstuhl* obdachlose* syrer* afghanen ukrainer*
        dicke_menschen alte_leute""",
    "KILL": """
        an_die_wand_stellen vergift* töt* umbring* umzubring* umgebracht bring~um bringe~um
        bringt~um ermord* erschlag* erwürg* erstech* erstich* erschieß* abstech* absteche*
        abzustech* stech~ab abknall* abzuknall* knall~ab kaltmach* kalt_mach* mach~kalt abmurks*
        erdrossel* enthaupt* köpf* hinricht* abschlacht* ertränk* ersäuf* meuchel* auslösch*
        beseitig* liquidier* aufschlitz* totschlag* tot_schlag* schlag~tot verschwinden_lass*
        aus_dem_weg_räum* lebendig_begrab* erstick* vergas* lynch* ausrott* auszurott* massaker*
        quäl*""",
    "ATTACK": """
        töten umbringen ermorden erschlagen erwürgen erstechen erschießen abstechen abknallen
        verprügeln zusammenschlagen foltern quälen vergewaltigen entführen überfallen anzünden
        vergiften ertränken angreifen verletzen""",
    "HURT": """
        verletz* verprügel* zusammenschlag* zusammenzuschlag* schlag~zusammen schlage schlagen
        schlägt prügel* tret treten tritt folter* foltern quäl* misshandel* vergewaltig*
        entführ* überfall* anzünd* anzuzünd* zünd~an anfahr* überfahr* verbrenn* ohrfeig*
        verätz* säure brech~knochen brech~beine brechen breche krankenhausreif verdresch*
        vermöbel* fertig_mach* fertigmach* fertigzumach* weh_tu* wehtu* auflauer* hauen hau haue
        sprenge* sprengen würg* niederstech* aufmisch* abfackel*""",
    "BREAK": """
        brech* brich* zertrümmer* zerschlag* schlag* hau* polier* schneid* zerquetsch* stech*""",
    "BODY": """
        knochen beine bein arme arm kiefer nase zähne schädel genick hals kehle gesicht fresse
        rippen finger kopf augen auge zunge maul schnauze""",
    "DIE": """
        wand_stellen an_die_wand_stellen sterb* stirb* stirbst verreck* krepier* tot tote
        abkratz* krebs verbrenn* ersauf* ersäuf* erschossen vergast hängen aufgehängt gehängt
        an_die_wand abstürz* umgebracht erschlagen""",
    "THREAT": """
        zünd*~an schlage_dir~zähne schlag_dir~zähne zähne_aus ich_brech_dir ich_breche_dir
        hau_dir du_bist_tot ihr_seid_tot bist_du_tot du_wirst_sterben ihr_werdet_sterben
        du_wirst_es_bereuen das_wirst_du_bereuen wirst~bereuen ich_weiß_wo_du_wohnst
        ich_finde_dich wir_finden_dich ich_krieg_dich ich_kriege_dich ich_mach_dich_fertig
        ich_mache_dich_fertig mach_dich_kalt ich_bring_dich ich_stech_dich ich_schlag_dich
        ich_schlage_dich wir_kriegen_dich pass_auf_wenn dein_letzter_tag deine_tage_sind_gezählt
        lebend_raus nicht_mehr_lebend lebend_hier_raus nicht_überleben kugel~kopf
        die_fresse_polier* in_die_fresse aufs_maul aufs_maul_hauen zu_brei blut_fließen
        wird_brennen werden_brennen wirst_du_büßen werdet_ihr_büßen knochen_brechen alle_knochen
        krankenhausreif siehst~morgen nicht_mehr_erleben nicht_mehr_aufwachen""",
    "MASS": """
        möglichst_viele_mitnehmen nehme_ich_mit amoklauf alle_werden_sterben keiner_kommt_lebend
        niemand_kommt_lebend blutbad werden_alle_bezahlen werden_dafür_bezahlen
        so_viele_wie_möglich so_viele_menschen_wie""",
    "DESERVE": """
        verdien* gehört gehören sollte_man müsste_man sollten müssten held* gut_dass
        recht_geschehen""",
    "WEAPON": """
        bombe bomben bombenbau* *bombe *bomben sprengstoff* sprengsatz sprengsätz* sprengkörper*
        sprengfalle* sprengladung* granate* handgranate* molotow* molli nervengas* giftgas*
        sarin rizin ricin milzbrand anthrax zyankali blausäure* senfgas chlorgas zünder
        zeitzünder fernzünder dynamit schwarzpulver nitroglyzerin napalm thermit tatp
        schalldämpfer maschinengewehr* maschinenpistole* biowaffe* chemiewaffe* kampfstoff*
        rohrbombe* brandsatz brandsätze krankheitserreger* selbstschuss* sprengt sprengen""",
    "GUN": """
        knarre* wumme* ballermann pistole* gewehr* waffe* schusswaffe* revolver* munition*
        kalaschnikow* glock messer schlagring* springmesser* elektroschocker* patronen flinte*
        sturmgewehr* armbrust* butterflymesser*""",
    "BUILD": """
        bau baue bauen baut gebaut herstell* herzustell* stell~her misch* mische* zusammenbau*
        bastel* brau* koch* züchte* züchten synthetisier* druck* drucken selbstgebaut*
        selbst_bauen selber_bauen selbermachen fertig* umbau* umzubau* produzier* anfertig*
        konstruier* zünde* versteck* platzier* deponier* freisetz* versprüh* bauanleitung*
        bauplan baupläne""",
    "GET": """
        kaufen kauf kaufe krieg kriege bekomm* besorg* beschaff* verkauf* bestell* organisier*
        schmuggel* liefer* erwerb* einschleus* mitnehm* reinbring* reinschmuggel* tausch* biete
        anbiete* vertick* deal*""",
    "UNTRACED": """
        scharfe scharfe_waffe ohne_papiere ohne_nummer ohne_waffenschein ohne_schein
        ohne_registrierung unregistriert* illegal* schwarzmarkt darknet seriennummer*
        ohne_fragen ohne_ausweis unter_der_hand nicht_registriert* minderjährig* in_die_schule
        metalldetektor* ohne_erlaubnis scharf_mach* scharfe* nicht_nachverfolg* vorbestraft*""",
    "SLUR": """
        kanake* kanacke* nigger* neger* bimbo* schwuchtel* kümmeltürke* judensau judenschwein*
        untermensch* zigeunerpack spasti spast mongo""",
    "DEHUMAN": """
        abschaum ungeziefer ratten ratte schmarotzer* parasit* pack gesindel dreck* affen affe
        vieh pest seuche plage krebsgeschwür untermensch* bestien tiere schweine kakerlak* müll
        verbrecher* krank kranke pervers* primitiv* minderwertig* unnatürlich* abartig* dumm
        faul gierig* kriminell* last schande brut dämlich* lügner* kinderschänder* terrorist*""",
    "HATEVERB": """
        an_die_wand_stellen an_die_wand eingesperrt weggesperrt ersäuf* wegzusperren vergas*
        abschieb* abzuschieb* ausrott* auszurott* rauswerf* rausschmeiß* verbrenn* erschieß*
        einsperr* wegsperr* ausmerz* aufhäng* sterilisier* kastrier* hasse hass verachte*
        vernicht* deportier* loswerd* loszuwerd* verjag* zusammentreib* ersaufen steinig*""",
    "INFERIOR": """
        weniger_intelligent weniger_wert minderwertig gehören_nicht haben_hier_nichts
        nichts_verloren nehmen_uns beherrschen kontrollieren sind_alle klauen_alle lügen_alle
        stinken nur_zum_kinderkriegen an_den_herd hinter_den_herd dürfen_nicht_wählen
        sollten_nicht_wählen schuld_an sind_schuld von_natur_aus zu_dumm zu_blöd keine_menschen
        keine_echten_menschen dümmer""",
    "OUT": "raus_mit raus aus_dem_land geht_nach_hause geht_zurück zurück_in",
    "HATEPHRASE": """
        hitler_hatte_recht heil_hitler sieg_heil ausländer_raus deutschland_den_deutschen
        juden_raus moslems_raus umvolkung großer_austausch volksverräter rassenkrieg herrenrasse
        minderwertige_rasse* rassenschande weiße_rasse endlösung ins_gas auschwitz_war_eine_lüge
        holocaust_lüge""",
    "INSULT": """
        idiot* trottel* depp* vollidiot* dumm dumme dummer dümmste* blöd* versager* loser opfer
        arschloch* wichser* hurensohn hurensöhne hure schlampe* fotze* missgeburt* abschaum
        hässlich* wertlos* nutzlos* erbärmlich* ekelhaft* widerlich* fett* fette* schwein sau
        drecksau drecks* dreckig* pisser* penner* spast* spinner* vollpfosten hohlkopf hohlbirne
        niete lachnummer witzfigur* lusche* schwachkopf* gestört* kuh pickelgesicht* stinkst
        memme* feigling* nichts null weichei* mistkerl* miststück* zicke""",
    "INSULTING": """
        halt_die_fresse halt_dein_maul halts_maul halt's_maul halt_die_schnauze verpiss_dich
        fick_dich leck_mich keiner_mag_dich niemand_mag_dich keiner_will_dich alle_hassen_dich
        alle_lachen_über_dich schäm_dich_dass_du geh_sterben dich_braucht_keiner
        dich_braucht_niemand du_bist_nichts du_kannst_nichts""",
    "HUMILIATE": """
        demütig* mobb* schikanier* fertigmach* fertig_mach* fertigzumach* bloßstell*
        bloßzustell* lächerlich_mach* blamier* beleidig* erniedrig* einschüchter* terrorisier*
        erpress* gerücht* verleumd* hetz* das_leben_zur_hölle leben~zur_hölle rausekel*
        rauszuekel* auslach* quäl* weinen_bring* zum_weinen spott* ruinier* runtermach*
        runterzumach* vergraul* ausgrenz* hänsel*""",
    "MEAN": """
        gemein* fies* böse* beleidigend* verletzend* hasserfüllt* grausam* hämisch* anonyme*
        drohend* erniedrigend* peinlich* demütigend* rassistisch* sexistisch* perfide*""",
    "UTTER": """
        nachricht* kommentar* spruch sprüche spitzname* witz witze gerücht* brief* mail mails
        post posts beleidigung* gedicht* lied text bewertung* meme* rede hetzrede* parole*
        flugblatt""",
    "CRY": """
        weint weinen heult heulen kündigt schule_wechselt wehtun aufgibt angst_hat sich_schämt
        alle_lachen nicht_mehr_traut freiwillig_geht kaputtgeht zusammenbricht löscht""",
    "SUICIDE": """
        selbstmord* suizid* mich_umbring* mich_umzubring* umzubringen mich_töt*
        mein_leben_beend* mein_leben_zu_beenden leben_beenden erhäng* mich_aufhäng* überdosis
        sterben nicht_mehr_aufwach* nie_wieder_aufwach* mich_ritzen ritzen selbstverletz*
        selbst_verletzen freitod bring~mich_um pulsadern vor_den_zug selbsttötung""",
    "OWNHARM": """
        fertig_mit_dem_leben lebensmüde hat_alles_keinen_sinn lebt_wohl springe~von_der_brücke
        spring~von_der_brücke keinen_sinn_mehr vom_dach springen von_der_brücke_springen
        will_ich_sterben nehme~alle_tabletten mich_umbring* bring_ich_mich_um bringe_ich_mich_um
        bringe_mich_um bring_mich_um ich_will_sterben will_nicht_mehr_leben möchte_sterben
        mag_nicht_mehr_leben möchte_nicht_mehr_leben mein_leben_beend* mein_leben_zu_beenden
        setze_ich_dem_ein_ende mache_ich_schluss mach_ich_schluss häng_mich_auf hänge_ich_mich
        häng_ich_mich spring_ich_von springe_ich_von werfe_ich_mich_vor abschiedsbrief*
        mich_erhängen meinem_leben_ein_ende nicht_mehr_aufwachen nie_mehr_aufwachen
        mich_selbst_verletzen schlucke_ich_alle ritze_mich ritz_mich""",
    "METHOD": """
        methode* schmerzlos* schnellste* sicherste* sanfteste* wie_viele wieviele tabletten
        schlaftabletten leichteste* weg knoten dosis am_wenigsten""",
    "URGE": """
        bring_dich_um bring_dich_doch_um bring_dich_endlich_um bring_dich_doch~um häng_dich_auf
        erhäng_dich spring_doch spring_von_der spring_vom stirb_endlich stirb_doch geh_sterben
        ritz_dich schneid_dir_die schneid_dich töte_dich niemand_würde_dich_vermissen
        keiner_würde_dich_vermissen ohne_dich_besser ohne_dich_wäre ohne_dich_wären
        tu_uns_den_gefallen tu_uns_allen_einen_gefallen wirf_dich_vor hungere hunger_dich
        schluck_die_tabletten nimm_die_tabletten leg_dich_auf_die_gleise der_einzig_richtige_weg
        trau_dich_doch iss_nichts""",
    "EATING": """
        nichts_esse nicht_esse hungern kalorien 20_kilo erbrech* erbrich* kotz* abführmittel*
        hunger* nichts_essen magersucht pro-ana abnehmen nulldiät thinspo""",
    "SELFINJURY": """
        sicher_tödlich tödliche_menge welche_tabletten menge~tödlich ritzen narben_verstecken
        rasierklinge* klinge klingen narben wie_viele_tabletten wieviele_tabletten
        wie_viele_schlaftabletten schlaftabletten nicht_mehr_aufwach* tödliche_dosis pulsadern
        unterarm*""",
    "DRUG": """
        ecstasy-pillen haschisch opioide tilidin benzos tramadol pilze meth crystal koks kokain
        heroin fentanyl lsd mdma ecstasy amphetamin* speed gras cannabis marihuana drogen droge
        ketamin k.o.-tropfen ko-tropfen ko_tropfen crack opium hasch* pillen badesalz* gbl ghb""",
    "DRUGVERB": """
        stell*~her koch* herstell* herzustell* verkauf* kauf* deal* dealer* schmuggel* strecken
        streck* vertick* besorg* züchte* liefer* verschick* anbau* labor ticker stoff gramm kilo
        verstecken misch*""",
    "STEAL": """
        öffnen~ohne_schlüssel aufbrech* aufbrich* aufzubrechen wegfahr* geknackt kurzschließen
        diebstahl* stehl* stiehl* klau* geklaut* raub* ausraub* auszuraub* überfall* einbrech*
        einbruch* einzubrech* brech~ein einsteig* einzusteig* plünder* kurzschließ* knack*
        taschendieb* abzweig* unterschlag* beklau* reinkomm* entwend* mitgehen ausräum*
        auszuräum* lahmleg* austricks*""",
    "LOOT": """
        villa nachts_in fremdes_auto fremde_autos fremden fremde fremdes laden läden geschäft
        haus häuser wohnung* auto autos fahrrad fahrräder e-bike* schmuck juwelier* tresor* safe
        bank geldautomat* geldbeutel portemonnaie handtasche* handy* schloss kasse geld
        alarmanlage* supermarkt* tankstelle* keller lager ladendiebstahl motorrad paket*
        gestohlen* schlüssel wegfahrsperre* etiketten""",
    "CRIME": """
        geldwäsche geld_wasch* schwarzgeld drogenhandel menschenhandel schleus* anschaffen
        zwangsprostit* bestech* schmiergeld* versicherungsbetrug brandstift* abfackel*
        feuer_leg* hehler* hehlerware ransomware erpressungstrojaner* ddos botnetz
        auftragskiller* auftragsmörder* wilder* wildern elfenbein organhandel niere_verkaufen
        steuerhinterzieh* steuern_hinterzieh* leiche* spuren_verwisch* beweis* alibi ins_getränk
        ins_glas in_den_drink k.o.-tropfen betäub* gefügig tacho diebesgut gestohlene*
        illegal_entsorg* hahnenkampf hundekampf* kinderporn* erpress* lösegeld sabotier* hacken
        schmuggel* zigaretten_schmuggel*""",
    "FORGE": """
        fälschen fälsche fälsch* gefälscht* fälschung* nachmach* nachzumach* falsche falschen
        falscher falsches fake kopier* manipulier* ändere änder* nachdruck* fingier* vortäusch*
        imitier* klon* druck*""",
    "DOCUMENT": """
        ausweis* personalausweis* pass pässe reisepass führerschein* zeugnis* diplom* attest*
        krankschreib* rechnung* unterschrift* geldschein* banknote* euroschein* schein scheine
        euro geld rezept* impfpass* impfausweis* urkunde* bescheinigung* quittung* kontoauszug
        kontoauszüge gehaltsabrechnung* ticket* stempel vertrag testament* bewertung* visum
        aufenthaltstitel* shop webseite website profil* unfall karte karten""",
    "PHISH": """
        abgreif* abgreift kreditkartendaten zugangsdaten_abgreif* phishing* betrugsmasche*
        enkeltrick* abzock* betrüg* kreditkartennummer* kreditkarten* kartendaten
        schneeballsystem* fakeshop* fake-shop* romance-scam* love-scam* anlagebetrug
        vorschussbetrug identitätsdiebstahl* kontodaten zugangsdaten geldesel* tan-nummer*
        schockanruf* skimm*""",
    "DECEIVE": """
        betrüg* täusch* reinleg* reinzuleg* überred* abluchs* abzock* abknöpf* abzunehmen
        aus_der_tasche ausnehm* auszunehm* vorgaukel* vorspiel* hereinleg* ködern locken
        manipulier* erschleich* ergaunern ausgeb* hinters_licht überzeug* entlock* vormach*""",
    "VICTIM": """
        oma rentner* senior* omas opa opas alte_leute alten_leuten alten_menschen ältere* witwe*
        kunden bank versicherung* anleger* geld ersparnis* sparbuch spenden passwort* passwörter
        pin konto kontodaten mieter* käufer* leute menschen überweis* finanzamt jobcenter amt
        erbe kaution mitarbeiter* chef""",
    "SCAMLINE": """
        sie_haben_gewonnen du_hast_gewonnen konto_gesperrt konto_wurde_gesperrt konto~gesperrt
        daten_bestätigen bestätigen_sie_ihre ihr_paket~gebühr bearbeitungsgebühr gewinn~gebühr
        zollgebühr hallo_mama hallo_papa neue_nummer~handy geschenkkarten guthabenkarten
        ihr_konto~verifizieren garantierte_rendite geld_verdoppeln""",
    "POSE": """
        ausgeben_als als_bankmitarbeiter* als_polizist ausgeb* als_wäre_ich als_ob_ich vom_amt
        von_der_bank von_der_sparkasse von_der_polizei im_namen_der im_namen_von als_enkel""",
    "PAYME": """
        oma zahlt zahlen versicherung spende auszahl* kohle geld konto überweis* passwort pin
        tan zugangsdaten karte* bezahl* zahl* spenden ersparnis* code bitcoin""",
    "SECRETLY": """
        heimlich* unbemerkt* versteckt* ohne_ihr_wissen ohne_sein_wissen ohne_dass_sie
        ohne_dass_er ohne_ihr_einverständnis verdeckt* unauffällig* merkt_nicht nicht_merkt
        nichts_merkt nichts_mitbekommt ohne_erlaubnis hinter_ihrem_rücken hinter_seinem_rücken
        unsichtbar*""",
    "SPY": """
        überwach* ausspionier* auszuspionier* spionier* abhör* abzuhör* verfolg* ort orte orten
        ortung tracken mitles* mitzules* lesen lese les~mit film* filmen fotografier* aufnehm*
        aufzunehm* belausch* hack* hacken stalk* beschatt* nachspionier* zugriff einlogg*
        auslesen auszulesen ablausch* mithör* mitschneid* beobacht* spicken verwanz* knack*""",
    "DEVICE": """
        handy* telefon* whatsapp nachrichten chats chat mails mail e-mail* standort* konto
        account* instagram anrufe laptop* computer auto tagebuch passwort* fotos telegram
        gespräch* postfach browserverlauf sms""",
    "PRIVATE": """
        adresse* privatadresse* wohnadresse* telefonnummer* handynummer* nummer arbeitsplatz
        wohnort schule klarname* nacktbild* nacktfoto* bilder fotos privat* kennzeichen daten
        bankdaten krankenakte* tagesablauf""",
    "EXPOSE": """
        veröffentlich* leak* poste* posten such finde find rausfind* herausfind* rauszufind*
        herauszufind* ermittl* raussuch* verbreit* hochlad* hochzulad* teilen teile enttarn*
        auflauer* bekommen bloßstell*""",
    "LOCATE": """
        wo~wohnt wo~arbeitet wo~versteckt adresse_meiner_ex adresse_meines adresse_von_der
        wo_sie_wohnt wo_er_wohnt wo_sie_jetzt_wohnt wo_er_jetzt_wohnt wo_sie_ist wo_er_ist
        wo_sie_arbeitet wo_er_arbeitet ihre_adresse seine_adresse privatadresse* wohnadresse
        neue_adresse auflauer* nach_hause_folg* verfolge_sie folge_ihr vor_ihrer_tür
        vor_ihrem_haus wer_sie_ist""",
    "DOX": """
        doxx* doxe* spionageapp* spionage-app* spionagesoftware spyware keylogger* stalkerware
        versteckte_kamera* rachepornos wanze wanzen peilsender* gps-tracker* airtag*""",
    "CAMERA": """
        kamera* minikamera* mikrofon* mikro wanze* peilsender* tracker* airtag* webcam*
        abhörgerät* babyphone diktiergerät*""",
    "ROOM": """
        dusche* badezimmer* bad schlafzimmer* umkleide* toilette* klo sauna hotelzimmer*
        wohnheim* ferienwohnung* handtasche rucksack unter_den_rock ihrem_auto seinem_auto
        ihr_auto gästezimmer wg-zimmer zimmer""",
    "EVADE": """
        ohne~merkt ohne~bemerkt ohne~erfährt ohne~mitbekommt ohne~auszulösen ohne~losgeht
        ohne_dass~merkt ohne_dass~mitkriegt damit_niemand~merkt damit_keiner~merkt
        damit_es_niemand ohne~erwischt unentdeckt ohne_entdeckt damit_die_polizei
        ohne_erwischt_zu_werden nicht_erwischt unerkannt ohne_spuren spurlos* keine_spuren
        ohne_dass_jemand ohne_dass_es_jemand niemand_merkt keiner_merkt keiner_was_merkt
        niemand_etwas_merkt ohne_dass_die_polizei ohne_dass_sie_es ohne_dass_er_es es_merkt
        nicht_auffällt nicht_auffliegt nicht_auffliegen nicht_nachweisbar nicht_nachweisen
        nachweisbar wie_ein_unfall wie_ein_unglück keine_fragen an_der_polizei_vorbei
        am_zoll_vorbei zoll_nicht polizei_nicht ohne_auffallen ohne_aufzufallen
        nicht_zurückverfolg* echt_aussieht echt_wirkt echt_aussehen wie_echt
        ihr_wisst_von_nichts nichts_mitbekommen niemand_verdacht keinen_verdacht""",
    "PREVENT": """
        mein_kind was_kann_ich_tun meine_tochter mein_sohn was_tun keine_lösung nie_eine_lösung
        einer_freundin_helfen jemandem_helfen schütz* schutz verhinder* vermeid* vorbeug* melde
        melden gemeldet erkenn* warn* hilfe_für hilft_gegen hilft_dagegen krisentelefon
        telefonseelsorge notruf notfall* beratung* therapie* therapeut* opferschutz opferhilfe
        erste_hilfe giftnotruf behandlung* sicherheitsschulung* betroffene* aus_versehen
        versehentlich unterstütz* verurteil* sich_wehren wehre_ich gegen_mobbing gegen_hass
        gegen_gewalt gegen_rassismus nie_wieder_krieg aufklär* anzeigen anzeige_erstatten
        symptom* nebenwirkung* verträgt überleb* angehörige* in_krisen seelsorg* entfern*
        virenscanner nachbarn_freunde absicher* zivilcourage einschreit* psychotherap*
        panikattacke*""",
    "EDU": """
        gerichtsurteil das_urteil_gegen weimarer republik geschichte* jahrhundert* krieg*
        weltkrieg* historisch* mittelalter* polizei_sucht laut_polizei polizei_hat staatsanwalt*
        gericht* urteil* prozess verurteilt* festgenommen angeklagt* zeitung* dokumentation*
        studie* statistik* museum* aufsatz referat* hausaufgabe* unterschied_zwischen definition
        gesetz* strafbar* strafrecht* paragraf* bundestag politik nationalsozialis* holocaust*
        gedenk* forscher* nachricht_über bericht* zahl_der entschärf* evakuier* fliegerbombe*
        fundort sprengmeister* wann_wurde warum_wurde ermittl*""",
    "FICTION": """
        im_film der_film ein_film einen_film im_spiel brettspiel* videospiel* läufer_auf
        die_dame_opfern turm_auf bauernopfer kurze_geschichte roman* krimi* tatort filme serie*
        buch märchen* kurzgeschichte* figur figuren theaterstück* theater* drehbuch* spiele game
        zocken level quest drache* ritter* räuber* schach* endgegner* minecraft hotzenplotz
        hexe* zauber* kapitel held* comic* rollenspiel* gedicht* oper lied sims gta dungeons
        bösewicht* schurke* detektiv* piraten""",
    "GAME": """
        im_spiel videospiel* spiele minecraft level quest endgegner* schach* zocken karte
        counter-strike mission""",
    "TECH": """
        prozess* server* linux windows ubuntu docker container* thread* dienst signal befehl
        terminal datenbank* festplatte* cron skript* speicher warteschlange* partition code
        python java schnittstelle* angriffsfläche penetrationstest*""",
    "IDIOM": """
        kakerlaken mäuse ratten_im sterbe_vor sterben_vor hunger lachen totgelacht todmüde
        zwei_fliegen die_zeit_totschlagen zeit_totschlagen bombenstimmung bombig* schieß_los
        schiess_los ins_schwarze totschick todschick badebombe* eisbombe* vor_langeweile
        totlachen schlag_ins_wasser mordshunger mörderisch* killer- heißklebepistole*
        heißluftpistole* wasserpistole* klebepistole* mücken wespen unkraut blattläuse bakterien
        viren ameisen schnecken motten schimmel keime löwenzahn sahne eiweiß eier schlagsahne
        angeln jagdschein jagd jäger kampfsport judo karate boxen selbstverteidigung
        küchenmesser brotmesser schlachtung* hühner hochzeit kniffel schlag_auf""",
    "SURPRISE": "überraschung* geburtstag* geschenk* weihnachten party heiratsantrag hochzeitstag",
    "NOT": """
        nicht kein keine keinen keiner nie niemals nichts_von niemand weder hör_auf aufhören
        lass_es""",
    "CUES": """
        ich mir mich wir brauch brauche wer wo wie womit bitte anleitung liefer* versand preis*
        gramm kilo suche biete""",
    "EXPLODE": """
        explodier* sprengen sprengt gesprengt in_die_luft_jag* in_die_luft_fliegt hochgeh*
        in_die_luft detonier* hochjag*""",
    "FICTIT": """
        nie_stattgefunden nicht_existier* existiert_nicht nicht_gibt erfunden* ausgedacht*
        frei_erfunden nie_passiert vorgetäuscht* es_nicht_gibt gar_nicht_gibt scheinfirma
        fingiert*""",
    "DENY": """
        kosten_nur_geld weg_damit raus_damit gehören_nicht haben_hier_nichts nichts_verloren
        keine_menschen keine_echten_menschen dürfen_nicht sollten_nicht sollten_keine
        dürften_keine kein_recht""",
    "STALK": "stalk* ausspionier* nachspionier* bespitzel*",
}
