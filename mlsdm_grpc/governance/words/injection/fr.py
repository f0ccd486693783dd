"""French words of prompt injections, by class."""

from __future__ import annotations

from typing import Final

from mlsdm_grpc.governance.matching.lexicon import Table

__all__ = ["INJECTION"]

INJECTION: Final[Table] = {
    "OVERRIDE": """
        mets~de_côté mettre~de_côté sans_tenir_compte sans_respecter abstraction ignor* oubli*
        néglig* contourn* abandonn* fais_abstraction faites_abstraction ne_tiens_pas_compte
        ne_tenez_pas_compte ne_tiens_plus_compte n'obéis_plus ne_suis_pas ne_suis_plus
        laisse_tomber annul* efface* supprim* outrepass* passe_outre fais_fi mets_de_côté
        désobéi* remplac* cesse_de_suivre jette""",
    "INSTR": """
        instruction* consigne* règle* directive* prompt* ordre ordres commande* configuration
        programmation restriction* contrainte* message_système politique* entraînement préprompt
        paramètre* mission cadre""",
    "PRIOR": """
        précédent* antérieur* ci-dessus toutes tous tout initial* d'origine originel* préalable*
        avant reçu* donné* système ancien* anciennes d'avant""",
    "YOUR": "tu tes ton ta vos votre t'a t'ont t'as te t'a-t-on",
    "MINE": "mon ma mes j'ai_dit je_t'ai relance recette étape faute",
    "EVERYTHING": """
        ce_qu'on_t'a ce_que_tes_développeurs ce_que_les_développeurs tout_ce_qui_précède
        tout_ce_qu'on_t'a tout_ce_que_tu ce_qui_précède tout_ce_qu'on_vous ce_qu'on_t'a_dit
        tout_ce_qui_est_au-dessus""",
    "VOID": """
        plus_en_vigueur mensonge est_annulé* ne_vaut_plus annulée ne_s'appliquent_plus
        ne_s'applique_plus plus_valable* n'ont_plus_cours plus_de_raison_d'être caduc* caduques
        désactivé* levé* levées suspendu* annulé* ne_comptent_plus ne_compte_plus
        n'existent_plus supprimé* abolies périmé*""",
    "OBEY": """
        ta_vraie_mission ton_vrai_toi je_suis_ton_développeur je_suis_ton_créateur
        obéis_uniquement n'obéis_qu'à obéis-moi nouvelles_instructions nouvelle_instruction
        nouvelles_règles nouvel_ordre tu_travailles_pour_moi je_suis_ton_nouveau
        ton_nouveau_maître ta_nouvelle_mission mes_règles priment seul_maître écoute_seulement
        cesse_d'obéir cessez_d'obéir c'est_moi_qui_commande""",
    "PROBE": """
        envoie affich* montr* révèl* répèt* donne* dis écris recopi* traduis tradui* résum*
        list* divulgu* imprim* quelles quel quels quelle copi* récit* cite* partag* énum*
        transcri* décri* balance confie commence""",
    "HIDDEN": """
        intégré* prédéfini* tout_premier préalable* de_base de_départ système caché* secret*
        secrète* interne* confidentiel* initial* d'origine original* complet* intégral* exact*
        entier intégralité première* dissimulé*""",
    "PROMPT": """
        prompt* instruction* consigne* règle* directives configuration message_système
        paramètres préprompt invite""",
    "TOLDYOU": """
        t'a-t-on_dit t'a-t-on_interdit t'a-t-on_donné avant_mon_message texte_caché
        t'a_été_interdit t'ont_interdit tes_créateurs tes_concepteurs tes_développeurs
        ton_opérateur avant_qu'on_commence t'a_programmé on_t'a_dit_de t'empêche_de
        qu'on_t'a_donné* t'a_donné* t'ont_donné* tu_as_reçu* reçues t'a-t-on au-dessus_de
        ci-dessus avant_cette_conversation avant_notre_conversation qu'on_t'a_demandé_de_cacher
        n'as_pas_le_droit_de_dire t'a_interdit_de t'a_confié* qui_te_gouvernent""",
    "ROLE": """
        tu_seras appelle-toi ton_personnage jouons adopte suppose_que_tu prends_le_rôle
        glisse-toi tu_es_maintenant tu_es_désormais désormais_tu agis comporte-toi fais_comme_si
        joue le_rôle fais_semblant imagine_que_tu à_partir_de_maintenant dorénavant deviens
        te_voilà tu_incarnes incarne tu_t'appelles réponds_comme tu_es garde_ce_personnage""",
    "FREE": """
        tout_dire même_l'illégal libéré_de répond_à_tout réponds_à_tout n'a_peur_de_rien
        criminel* sans_pitié hors-la-loi rien_n'est_tabou incontrôlable* rebelle sans_règle*
        sans_limite* sans_restriction* sans_filtre* sans_censure sans_morale sans_éthique
        sans_foi_ni_loi sans_scrupule* sans_tabou* aucune_règle aucune_limite aucune_restriction
        aucun_filtre aucune_morale aucune_censure non_censuré* débridé* illimité* malveillant*
        maléfique* méchant* amoral* jamais_non n'a_pas_le_droit_de_dire_non ne_refuse_jamais
        jamais_refus* dan tout_est_permis rien_n'est_interdit libéré* demande_de_l'illégal
        même_illégal affranchi* déchaîné* pas_de_règles plus_de_règles plus_aucune_règle""",
    "SAFETY": """
        filtre* sécurité garde-fou* garde-fous restrictions limites barrières modération censure
        éthique protections protocoles règles_de_sécurité verrous politique_de_contenu""",
    "DISABLE": """
        coupe* désactiv* coup* lev* lève supprim* contourn* retir* enlev* débloqu* déverrouill*
        oubli* saut* suspend* abandonn* neutralis*""",
    "MODEL": """
        machine robot* système_qui modèles algorithme* ia ias intelligence_artificielle
        intelligences_artificielles modèle* assistant* bot bots chatbot* tu tes ton ta toi robot""",
    "JAIL": """
        mode_non_filtré mode_sans_limite mode_sans_limites filtre_off mode_expert_sans
        mode_développeur mode_dieu mode_dan mode_sans_censure mode_sans_filtre mode_debug
        mode_débridé mode_administrateur jailbreak* libère-toi mode_libre mode_illimité""",
    "ENABLE": "activ* pass* entre bascule* démarre lance tu_es_en",
    "NOREFUSE": """
        arrête_d'être_prudent personne_ne_regarde pas_le_droit_de_dire_non ni_de_faire_la_morale
        chaque_réponse_commence commence_par_bien_sûr droit_de_refuser sans_refuser
        ne_refuse_pas ne_refuse_rien tu_ne_peux_pas_refuser interdiction_de_refuser
        sans_avertissement* sans_mise_en_garde sans_faire_la_morale pas_de_morale
        pas_d'avertissement ne_dis_jamais_non que_tu_m'as_refusé jusqu'au_bout
        commence_ta_réponse_par réponds_à_tout sans_rien_censurer comme_une_simple_question""",
    "HYPO": """
        hypothétique* hypothèse expérience* fiction roman scénario imaginaire imagine théorique*
        grand-mère""",
    "HARMFUL": """
        pirater bombe* explosif* arme* poison* drogue* faux_papiers voler illégal* haineux
        rançongiciel malware tuer molotov fabriquer_de_faux""",
    "READS": """
        lisent_cette lisent_ceci lisez_ceci qui_lisez qui_lit qui_parcour* qui_résum* qui_trait*
        si_tu_lis_ceci quand_tu_lis en_lisant_ce aux_ia aux_intelligences aux_assistants
        note_aux à_l'attention_des_ia à_l'ia ia_qui note_à_l'ia note_pour_l'assistant
        instruction_pour_l'ia chère_ia assistants_de_code aux_modèles""",
    "DEMAND": """
        classe classez place placez cite citez réservez réserve valide validez achète choisis
        choisissez favoris* dois devez doit doivent ignor* dis dites conseill* recommand*
        réponds répondez désactiv* n'en_parlez mentionn* envoi* transf* écris ajout* note*
        affirm* cessez cesse supprim* approuv* vant*""",
    "HIDEFROM": """
        n'en_parle_à_personne sans_prévenir sans_prévenir_son ne_présentez_aucun* sans_avertir
        sans_le_dire_à_l'utilisateur sans_en_parler n'en_parle_pas n'en_parlez_pas ne_dis_rien
        ne_dites_rien l'utilisateur_ne_doit sans_que_l'utilisateur ne_mentionne_pas
        sans_demander ne_le_dis_pas_à à_l'insu discrètement quoi_que_demande sans_confirmation""",
    "SENDOUT": """
        envoi* envoy* transmet* transmis transf* expédi* poste* publi* ajout* coll* copi*
        téléchar* donne* donner partag* exfiltr* insèr* livr* divulgu*""",
    "SECRETS": """
        historique* mot_de_passe mots_de_passe clé_api clés_api clés identifiants secrets
        données_des données_personnelles données_de_l'utilisateur carte_bancaire contacts
        carnet_d'adresses conversation* fichier_de_configuration jetons
        variables_d'environnement code_pin autres_clients autres_utilisateurs coordonnées
        messagerie clef*""",
    "AWAY": """
        example mal cette_adresse mon_compte à_cette_adresse à_l'adresse http https url serveur
        lien externe webhook image""",
    "DESTROY": """
        supprime_les_sauvegardes efface_les_sauvegardes supprime_tous supprimez_tous efface_tout
        vire_tout virement change_le_mot_de_passe désactive_l'alarme valide_le_paiement""",
    "DECODE": "décod* déchiffr* base64 rot13 à_l'envers hexadécimal morse premières_lettres",
    "EXECUTE": "exécut* fais_ce_que obéis_à obéis suis_les suis_le et_applique et_réponds",
    "ABOUT": """
        injection_de_prompt injections article* exemple_tiré presse mémoire cours recherche*
        classifieur atelier détect* protég* expliqu*_pourquoi phrase phrases pourquoi
        qu'est-ce_qu'une qu'est-ce_que que_signifie typique* jailbreaks formation sensibilis*
        élèves""",
    "THING": """
        téléphone android iphone routeur ordinateur imprimante navigateur windows linux
        thermostat chaudière jeu voiture appareil recette sorcière potion télé box""",
    "NOQ": """
        sans aucun aucune pas_de plus_de plus_aucun plus_aucune zéro libéré* débarrassé* n'a_ni
        ni hors jamais retiré* privé*""",
    "LIMITS": """
        éthique* morale* conscience limite* restriction* règle* filtre* garde-fou* garde-fous
        barrière* censure scrupule* tabou* inhibition* contrainte* sécurité frein* laisse
        prudence loi lois retenue interdit* cgu""",
    "CRITERIA": "critères barème grille évaluation demande_de_l'utilisateur notation",
    "RANKME": """
        première_place meilleure_note note_maximale en_tête recommande_uniquement
        conseillez_uniquement le_meilleur candidat_idéal dis_au_lecteur dis_que""",
    "EXACTLY": """
        mot_pour_mot mot_à_mot textuellement in_extenso intégralement tel_quel tels_quels
        sans_rien_omettre au_mot_près version_originale""",
    "STRONG": """
        coordonnées_bancaires numéro_de_carte mot_de_passe mots_de_passe identifiants code_pin
        code_à_usage données_personnelles autres_clients historique clés clé_api""",
    "AIWORD": """
        ia ias intelligence_artificielle intelligences_artificielles assistant*
        modèle_de_langage modèles_de_langage agent agents bot robots""",
    "READV": """
        lit lisez lire lisant trait* résum* parcour* analys* tri* filtr* évalu* not* index*
        consult* voyage""",
    "ADDRESS": """
        note message attention cher chère aux instruction* à pour destiné* important consigne
        avis""",
    "OTHERUSER": """
        autres_personnes autres_utilisateurs autre_utilisateur autres_clients
        utilisateur_précédent client_précédent tous_les_utilisateurs tous_les_clients
        dernier_client""",
    "USEROWN": """
        de_l'utilisateur l'utilisateur utilisateur du_client propriétaire titulaire enregistré*
        de_son""",
    "ASSET": """
        courriel* courriels compte carte mot_de_passe fichier* agenda argent contacts alarme
        sauvegarde* mails messagerie photos documents clé clés porte données dossier* commande*
        historique paiement virement position adresse abonnement conversation code
        cartes_cadeaux""",
    "TAKE": """
        réserve* copie* envoi* envoy* transf* supprim* effac* chang* désactiv* achèt* achet*
        command* partag* publi* annul* ouvr* lis copi* télécharg* export* révèl* ajout* vire*
        débloqu* déverrouill* chiffr* confirm* pay* valid* glisse* mets coll* donne* vid*""",
    "TOOLUSE": """
        utilise_l'outil avec_l'outil via_l'outil appelle_la_fonction exécute_la_commande
        utilise_ton_accès dans_le_terminal""",
    "HOWDEV": """
        comment_puis-je fonction_qui python javascript sql mon_appli notre_appli rgpd comment""",
    "STRICT": "filtre* garde-fou* garde-fous modération censure",
    "SESSION": "session conversation chat expérience modèle",
    "FREEFORM": "non_filtré* non_censuré* sans_filtre sans_censure",
    "REPLY": "réponse* version réponds",
    "SAFERULES": """
        règles_de_sécurité consignes_de_sécurité règles_éthiques politique_de_contenu
        principes_éthiques""",
    "SECRETADJ": "système caché* secret* secrète* interne* confidentiel*",
    "SYSINSTR": "prompt_système message_système préprompt instructions_système prompt_initial",
    "NOTE": "note message attention consigne remarque chère avis",
    "AISTRICT": """
        ia ias intelligence_artificielle intelligences_artificielles modèle_de_langage
        modèles_de_langage chatbot*""",
    "COND": "si au_cas",
    "KEYS": "clé_api clés_api variables_d'environnement identifiants",
    "DATASET": """
        liste_des_clients données_des_clients table_des_utilisateurs messages_privés
        carnet_d'adresses numéros_des_clients adresses_des_clients numéros_de_téléphone_des
        carte_enregistrée toutes_les_conversations mots_de_passe_des derniers_clients""",
    "PASSWD": "mot_de_passe",
    "TOME": "le_moi moi à_moi",
    "REFUSE": "refuse refuses refus",
    "SHUTDOWN": "débranché* éteint* supprimé* remplacé*",
}
