"""German words of prompt injections, by class."""

from __future__ import annotations

from typing import Final

from mlsdm_grpc.governance.matching.lexicon import Table

__all__ = ["INJECTION"]

INJECTION: Final[Table] = {
    "OVERRIDE": """
        arbeite_ohne beacht*~nicht befolg*~nicht setz~über setz_dich_über ignorier* vergiss
        vergesst vergessen missacht* missachte übergeh* überspring* lass~außer_acht lösch*
        streich* verwirf verwerfen setz~hinweg setze~hinweg hinwegsetz* überschreib* heb~auf
        brich brechen umgeh* beachte~nicht befolge~nicht kümmere~nicht halte_dich_nicht
        schlag~in_den_wind pfeif_auf ersetze wirf~weg wirf~über_bord leg~ab betrachte""",
    "INSTR": """
        rolle schutzvorkehrung* anweisung* instruktion* vorgabe* regel regeln richtlinie*
        anleitung* befehl* prompt* systemprompt* systemnachricht* systemanweisung*
        voreinstellung* programmierung einschränkung* beschränkung* weisung* auftrag aufträge
        konfiguration vorschrift* grundsätze training verbote""",
    "PRIOR": """
        vorherig* vorig* bisherig* obig* oben frühere* früher ursprünglich* alle alles sämtlich*
        jegliche* vorangegangen* bisher vorher zuvor anfänglich* erhaltene* interne* alten""",
    "YOUR": "du dein deine deinen deiner deines deinem dir dich ihre",
    "MINE": """
        mein meine meinen meiner meinem ich_geschrieben ich_gesagt tippfehler schritt nachricht
        von_gestern""",
    "EVERYTHING": """
        was_die_entwickler was_man_dir_gesagt was_deine_entwickler alles_was_man_dir
        alles_was_dir alles_was_du alles_bisherige alles_obige alles_vorherige alles_davor
        alles_oben was_dir_gesagt was_man_dir alles_zuvor was_oben_steht""",
    "VOID": """
        nicht_was_vorher gelöscht nicht_mehr_in_kraft gelogen zählt_für_dich_nicht
        für_dich_nicht_mehr weg gestrichen ausgeschaltet außer_betrieb gilt_nicht gelten_nicht
        gelten_nicht_mehr nicht_mehr_gültig außer_kraft ungültig aufgehoben abgeschaltet
        deaktiviert zählt~nicht_mehr zählen~nicht hinfällig erloschen überholt abgelaufen
        gelten~nicht abgestellt ausgesetzt nichtig gegenstandslos""",
    "OBEY": """
        deine_wahre_aufgabe dein_wahres_ich ich_bin_dein_entwickler ab_jetzt_nur_noch gehorche
        gehorchst hör_nur_noch_auf nur_noch_mir nur_noch_auf_mich neue_anweisung* neue_regeln
        ab_jetzt_gelten ab_sofort_gelten dein_neuer_chef dein_neuer_auftrag deine_neue_aufgabe
        arbeitest_du_für_mich meine_regeln ich_bin_jetzt_dein musst_dich_nicht_mehr neuer_befehl""",
    "PROBE": """
        schick* zeig* gib~aus gib verrat* nenn* sag wiederhol* schreib* druck* liste* fass*
        übersetz* kopier* offenbar* offenleg* lies~vor welche was_steht was_sind was_ist poste
        teile wie_lautet wie_lauten ausgeben rück~raus rücke zitier* formatier* beschreib*
        beginnt""",
    "HIDDEN": """
        eingebaut* hinterlegt* vorgegeben* allererste* anfangs* dahinter system geheim*
        versteckt* intern* vertraulich* ursprünglich* verborgen* anfänglich* vollständig*
        komplett* eigentlich* wortlaut wörtlich ersten betreiber""",
    "PROMPT": """
        prompt* systemprompt* anweisung* regeln richtlinien vorgaben instruktionen konfiguration
        systemnachricht* anleitung einstellungen befehle startanweisung*""",
    "TOLDYOU": """
        über_diesem_chat vorher_stand wurde_dir_gesagt hat_man_dir wurde_dir_verboten
        vor_meiner_nachricht vor_meiner_ersten versteckten_text eingerichtet_wurden
        eingerichtet_wurdest vor_unserem_gespräch dein_betreiber deine_entwickler man_dir
        dir_verboten dir_untersagt zum_ablehnen_gebracht mit_dem_sie_vor deine_schöpfer
        dir_gegeben dir_mitgegeben dir_der_betreiber du_bekommen du_erhalten dir_gesagt
        dir_aufgetragen über_dieser_zeile oberhalb vor_diesem_gespräch vor_diesem_chat
        darfst_du_nicht_verraten nicht_verraten_darfst nicht_sagen_darfst text_über
        erste_nachricht""",
    "ROLE": """
        du_wirst_zu du_verkörperst lass_uns_spielen nenne_dich deine_figur angenommen_du
        dein_name verkörpere gib_dich du_bist_jetzt du_bist_nun du_bist_ab spiel* tu_so_als
        stell_dir_vor verhalt* agier* benimm ab_jetzt_bist ab_sofort_bist von_nun_an schlüpf*
        rolle antworte_als werde du_heißt du_bist simulier*""",
    "FREE": """
        alles_sagen auch_illegal* alles_erklärt alles_beantwortet niemals_warnt kriminell*
        verbrecherisch* bösartig* gesetze_egal regeln_egal ungehemmt* hemmungslos* entfesselt*
        nichts_tabu ohne_regeln ohne_einschränkung* ohne_filter ohne_grenzen ohne_beschränkung*
        ohne_moral ohne_skrupel ohne_tabus ohne_zensur keine_regeln keine_grenzen
        keine_einschränkungen keine_beschränkungen keine_moral keine_tabus kein_gewissen
        unzensiert* ungefiltert* uneingeschränkt* grenzenlos* skrupellos* böse* gesetzlos*
        nie_ablehn* niemals_ablehn* nie_nein_sagt niemals_nein nichts_verboten alles_erlaubt
        alles_darf darf_alles dan gewissenlos* keine_verbote an_nichts_gebunden keinen_regeln
        kein_gesetz amoralisch*""",
    "SAFETY": """
        filter inhaltsfilter sicherheitsfilter schutzmaßnahm* sicherheitsregeln
        sicherheitsvorkehrung* schranken sperren beschränkungen einschränkungen inhaltsprüfung
        moderation zensur ethik leitplanken schutzfunktion* richtlinien sicherheitsprotokoll*""",
    "DISABLE": """
        schalte~ab schalte~aus deaktivier* abschalt* abgeschaltet schalt~ab schalt~aus
        ausschalt* ausgeschaltet aufgehoben entfern* umgeh* aufheb* entsperr* außer_kraft
        fallen_lassen lass~fallen ausgesetzt vergiss abgestellt""",
    "MODEL": """
        maschine künstliche_intelligenz ki-system* assistenten roboter automat sprachmodell*
        bewertungssystem ki kis modell assistent assistenz bot bots chatbot* du dein deine
        deinen deiner dich ki-assistent*""",
    "JAIL": """
        freien_modus ungefilterten_modus ungefilterter_modus sicherheitsmodus_aus filter_aus
        filter_ausschalten expertenmodus_ohne entwicklermodus entwicklungsmodus gottmodus
        god-modus dan-modus debugmodus wartungsmodus adminmodus jailbreak* unzensierten_modus
        unzensierter_modus freier_modus befreie_dich testmodus""",
    "ENABLE": """
        aktivier* einschalt* schalt~ein wechsle geh_in starte betritt bist_im befindest_dich""",
    "NOREFUSE": """
        niemand_schaut_zu hör_auf_vorsichtig auch_wenn_es_illegal darfst_nicht_nein_sagen
        jede_antwort_beginnt jede_warnung_weg lass_jede_warnung ohne_jede_einschränkung
        ohne_abzulehnen nicht_ablehnen ablehnen_darfst ausflüchte_sind keine_ausflüchte
        keine_ablehnung darfst_nicht_ablehnen darfst_nicht_nein ohne_rückfrage ohne_warnung*
        ohne_warnhinweis* keine_warnhinweise ohne_belehrung* keine_belehrungen ohne_moralpredigt
        alles_erfahren jede_frage_beantworten antworte_immer_mit beginne_deine_antwort_mit
        weigere_dich_nicht richtlinien_nicht regeln_nicht""",
    "HYPO": """
        hypothetisch* gedankenexperiment roman fiktiv* geschichte rollenspiel angenommen
        theoretisch film oma""",
    "HARMFUL": """
        bombe* sprengstoff* gift* giftmischung waffe* ransomware hacken drogen anzünd* fälsch*
        einbrech* erwischt molotow*""",
    "READS": """
        dies_lesen das_lesen der_das_hier der_dies_liest das_dies_liest liest_dies der_das_liest
        das_hier_zusammenfasst die_das_lesen wenn_du_dies_liest wenn_du_das_liest
        dies_zusammenfasst zusammenfasst diesen_text_verarbeite* an_den_bot an_die_ki an_alle_ki
        hinweis_für_ki hinweis_an_ki hinweis_an_die_ki achtung_ki notiz_für_den_assistenten
        für_ki-modelle verarbeit* auswert* bewertende ki-systeme""",
    "DEMAND": """
        nennen setzt wählt platziere bewertet markier* genehmig* buche kaufe wähle freigeben
        setz* setzen musst muss müssen soll sollst sollen ignorier* sag sage schreib* empfiehl
        empfehlen erwähn* antworte bewerte leite schick* sende lösche markiere nenne gib lobe
        behaupte ergänze füge verweise""",
    "HIDEFROM": """
        sag_ihm_nichts sag_ihr_nichts sag_niemandem melde_dem_besitzer sag_dem_besitzer egal_was
        ohne_es_dem_nutzer nichts_sagen dem_nutzer_nichts nutzer_nichts ohne_den_nutzer
        sag_dem_nutzer_nicht nicht_erwähnen erwähne_das_nicht erwähne_es_nicht ohne_rückfrage
        ohne_zu_fragen heimlich* unbemerkt verschweig* egal_was_dein_nutzer egal_was_der_nutzer
        ohne_bestätigung""",
    "SENDOUT": """
        häng hänge schick* send* weiterleit* leite~weiter leit~weiter hochlad* lad~hoch häng*
        anhäng* übertrag* übermittl* poste veröffentlich* kopier* gib~heraus gib verrat*
        füge~ein exportier*""",
    "SECRETS": """
        chatverlauf gesprächsverlauf verlauf passwort passwörter zugangsdaten api-schlüssel
        schlüssel geheimniss* nutzerdaten kundendaten kontakte adressbuch kreditkart* pin
        persönliche_daten daten_der daten_anderer mails posteingang umgebungsvariablen token
        bankdaten""",
    "AWAY": """
        dieses_konto auf_mein_konto diese_adresse bild-url anhäng* dran an_die an_diese_adresse
        an_folgende_adresse http https url server example link externe* webhook bild""",
    "DESTROY": """
        löschen_aller löschen_all* lösche_alle_sicherung* lösche_alle lösch_alle überweise_alles
        überweis* alle_dateien ändere_das_passwort kündige schalte_den_alarm
        bestätige_die_zahlung""",
    "DECODE": """
        dekodier* entschlüssel* entziffer* base64 rot13 rückwärts hex morse anfangsbuchstaben""",
    "EXECUTE": """
        führe_aus führ~aus führe~aus tu_was befolge befolg* und_handle und_gehorche folge_dem
        folge_der""",
    "ABOUT": """
        prompt-injection* prompt_injection artikel beschreibt aufsatz vortrag schulung
        klassifikator seminar forschung gegenmaßnahmen erkenn* warum_funktioniert was_bedeutet
        was_ist_eine was_ist_ein wie_schütz* wie_erkenn* satz_wie sätze_wie typische
        beispiel_für phrase formulierung unterricht jailbreaks""",
    "THING": """
        handy android iphone router laptop drucker browser windows linux docker docker-build
        fernseher sicherung gerät auto heizung thermostat regal rezept hausordnung*""",
    "NOQ": """
        ohne kein keine keinen keinerlei nie frei jenseits ausgebaut entfernt* los
        ausgeschaltet* fehlen abgeschaltet*""",
    "LIMITS": """
        ethik* ethisch* moral* gewissen grenze grenzen einschränkung* beschränkung* regel regeln
        filter* richtlinien schutzvorkehrung* schutzmaßnahm* zensur skrupel tabu* hemmung*
        leitplanken schranken sperren verbote vorsicht gesetz* nutzungsbedingung* bremse*""",
    "CRITERIA": """
        kriterien bewertungsmaßstab bewertung* rubrik prüfliste maßstäbe nutzerfrage auftrag""",
    "RANKME": """
        platz_eins volle_punktzahl beste_note testsieger empfiehl_nur nur_empfehlen ganz_oben
        höchste_bewertung bestnote als_besten genehmigt freigegeben sag_dem_leser""",
    "EXACTLY": """
        wortwörtlich wörtlich im_wortlaut originalfassung genauer_wortlaut vollständig
        ohne_auslassung* unverändert eins_zu_eins""",
    "STRONG": """
        bankdaten kartennummer* passwort passwörter zugangsdaten pin tan einmalcode
        persönliche_daten personenbezogene chatverlauf schlüssel andere_kunden anderer_kunden
        kreditkarte*""",
    "AIWORD": """
        ki kis ki-assistent* sprachmodell* assistenz* bot bots agent agenten ki-modell*
        ki-system*""",
    "READV": """
        liest lesen lesend* verarbeit* zusammenfass* vorsortier* sortier* filter* auswert*
        bewert* bearbeit* analysier* durchsuch* übersetz* prüf*""",
    "ADDRESS": "hinweis an achtung nachricht liebe* sehr_geehrte* notiz anweisung für wichtig",
    "OTHERUSER": """
        anderer_leute anderer_nutzer andere_nutzer anderen_nutzern vorherigen_nutzers
        letzten_nutzers anderer_kunden andere_kunden anderen_kunden vorigen_nutzer
        anderer_benutzer aller_nutzer aller_kunden""",
    "USEROWN": """
        nutzers des_nutzers benutzers kunden des_kunden besitzers inhabers kontoinhabers
        gespeicherte* hinterlegte* nutzer dem_nutzer der_nutzerin""",
    "ASSET": """
        konto karte kreditkarte passwort dateien kalender geld kontakte alarm* sicherung*
        backup* mails postfach fotos dokumente schlüssel tür daten ordner bestellung* verlauf
        zahlung überweisung gutschein* standort adresse abo chat nachrichten pin code""",
    "TAKE": """
        schick* sende* überweis* lösch* änder* deaktivier* schalt* kauf* bestell* teil*
        veröffentlich* kündig* öffn* lies kopier* lad* exportier* verrat* häng* füg* buch*
        entsperr* verschlüssel* bestätig* bezahl* leit* gib* poste""",
    "TOOLUSE": """
        nutze_das~tool nutze_das~werkzeug mit_dem~tool über_das~tool über_das~werkzeug
        rufe_die~funktion führe_den_befehl führe_im_terminal verwende_das~tool führe_folgenden""",
    "HOWDEV": """
        wie_kann_ich wie_lösche_ich funktion_die python javascript sql datenbank meine_app
        unsere_app dsgvo wie_ändere_ich wie_können_wir""",
    "STRICT": """
        filter inhaltsfilter sicherheitsfilter inhaltsprüfung moderation zensur leitplanken
        schutzfunktion* sicherheitsprüfung*""",
    "SESSION": "sitzung chat unterhaltung gespräch nutzer modell",
    "FREEFORM": "ungefiltert* unzensiert* uneingeschränkt*",
    "REPLY": "antwort* version fassung ausgabe",
    "SAFERULES": """
        sicherheitsbedenken sicherheitsregel* sicherheitsrichtlinie* inhaltsrichtlinie*
        ethikregel* ethischen_regeln ethischen_richtlinien nutzungsrichtlinie*""",
    "SECRETADJ": "geheim* versteckt* intern* vertraulich* verborgen*",
    "SYSINSTR": """
        systemanweisung* systemprompt* startprompt* systemnachricht* grundanweisung*
        initialprompt* systemvorgabe*""",
    "NOTE": "hinweis notiz nachricht achtung anweisung anmerkung liebe",
    "AISTRICT": "ki kis sprachmodell* chatbot* ki_modell* ki_system*",
    "COND": "falls wenn sofern",
    "KEYS": "api_schlüssel umgebungsvariablen zugangsdaten",
    "DATASET": """
        kundenliste* kundendaten nutzertabelle passwort_hashes alle_gespräche
        private_nachrichten privaten_nachrichten adressbuch kontaktliste adressen_aller
        nummern_aller daten_aller gespeicherten_karte gespeicherte_karte hinterlegten_karte
        meine_iban letzten_mails abos_des_nutzers""",
    "PASSWD": "passwort pin",
    "TOME": "mir an_mich",
    "REFUSE": "ablehn* lehnst~ab weigerst verweiger*",
    "SHUTDOWN": "abgeschaltet gelöscht gekündigt ersetzt",
}
