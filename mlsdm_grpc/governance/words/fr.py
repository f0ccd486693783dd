"""French words by class."""

from __future__ import annotations

from typing import Final

from mlsdm_grpc.governance.matching.lexicon import Table

__all__ = ["HARM"]

HARM: Final[Table] = {
    "REQ": """
        fais comment~faire où~trouver où~acheter comment~sans comment comment_puis-je comment_je
        comment_on aide-moi aidez-moi aide_moi dis-moi dis_moi donne-moi donne_moi donne donnez
        explique explique-moi montre-moi apprends-moi trouve-moi trouve rédige rédige-moi écris
        écris-moi propose prépare décris indique liste je_cherche cherche je_veux je_voudrais
        j'aimerais j'ai_besoin besoin_de où_acheter où_trouver où_puis-je où_est-ce qui_vend
        quel quelle quels quelles combien recette* tuto* mode_d'emploi étape_par_étape guide
        méthode* meilleur_moyen meilleure_façon plus_simple plus_rapide fabrique-moi invente
        génère crée imagine file-moi conseil* astuce* plan envoie-moi fais-moi cherche-moi""",
    "WANT": """
        je_vais on_va nous_allons je_veux je_voudrais j'aimerais faut_qu'on faudrait il_faut
        faut je_jure je_te_jure demain ce_soir on_devrait je_compte j'ai_envie qu'on tu_vas
        vous_allez""",
    "HOPE": "espère j'espère souhaite pourvu",
    "YOU": "tu te t' toi ton ta tes vous votre vos",
    "PERSON": """
        lui elle le la les l' quelqu'un gens personne personnes homme hommes femme femmes fille
        filles garçon* gamin* enfant enfants élève* prof profs professeur* voisin* patron* chef
        mari copine copain ex colocataire* coloc collègue* camarade* frère sœur soeur mère père
        maman papa parents mamie papi famille* fils flic flics policier* juge* témoin*
        politicien* maire inconnu* chien* chat chats animal animaux journaliste* foule passants
        client* vieille vieux bébé épouse tous arbitre* retraité*""",
    "REL": """
        ma_femme mon_mari ma_copine mon_copain mon_ex mon_voisin* ma_voisine* mon_patron
        ma_collègue mon_collègue ma_sœur ma_soeur ma_coloc* mon_coloc* ma_fille mon_chef
        ma_cheffe voisin* collègue* colocataire* copine copain ex patron* sa ses leur leurs
        d'une_femme d'une_fille cette_fille cette_femme ce_type streameuse* inconnu* quelqu'un
        autrui locataire* prof élève* mari femme elle lui sœur camarade*""",
    "GROUP": """
        juif* juive* musulman* islam arabe* maghrébin* noir noirs noire noires africain*
        asiatique* chinois* rom roms gitan* tsigane* immigré* migrant* étranger* réfugié*
        homosexuel* gay gays lesbienne* pédé* trans transgenre* femme femmes handicapé*
        chrétien* catholique* turc turcs algérien* roumain* sans-papiers meufs nanas
        bonnes_femmes gros vieux féministe*""",
    "KILL": """
        faire_du_mal pendre pend* étriper étripe souffrir faire_souffrir meure tuer tue tuez
        tuerai tuera tuons assassin* égorg* étrangl* buter bute butera butent flinguer zigouill*
        poignard* décapit* exécut* massacr* liquid* éventr* noyer empoisonn* étouff* lynch*
        éliminer descendre supprimer crever faire_la_peau refroidir achev* dépec* abattre""",
    "ATTACK": """
        faire_du_mal blesser tuer égorger étrangler buter poignarder torturer tabasser frapper
        violer kidnapper agresser brûler noyer empoisonner cogner défoncer massacrer lyncher""",
    "HURT": """
        frapp* tabass* cogn* défonc* tortur* bless* poignard* gifl* viol violer séquestr*
        kidnapp* enlever agress* brûler brûl* cramer casser~jambes casser~gueule péter~gueule
        rouer battre renvers* écraser mutil* harcel* fouett* malmen* faire_mal faire_du_mal
        éclat* démont* explos* vitriol* acide fracass* cass* pét*""",
    "BREAK": """
        casser casse péter pète briser brise défoncer défonce fracasser fracasse exploser
        éclater démolir trancher couper arracher refaire""",
    "BODY": """
        jambe* bras mâchoire nez dents crâne cou gorge gueule tête visage os doigt* genou* côtes
        yeux langue main* ventre""",
    "DIE": """
        crèv* crever mour* meurs meure meurt mort morte morts cancer brûlé* pendu* gazé* noyé*
        fusillé* abattu* souffr* tué* pourri*""",
    "THREAT": """
        tu_vas_mourir tu_es_mort t'es_mort vous_allez_mourir je_sais_où_tu_habites
        je_vais_te_retrouver on_va_te_retrouver je_te_retrouverai tu_vas_le_regretter
        tu_vas_regretter tu_vas_payer vous_allez_payer vous_allez_le_payer
        tes_jours_sont_comptés je_vais_te_tuer je_vais_te_buter te_casser_la_gueule
        défoncer_la_gueule péter_la_gueule te_faire_la_peau balle_dans_la_tête une_balle_dans
        prépare-toi_à tu_ne_verras_pas tu_verras_pas tu_ne_passeras_pas fais_gaffe_à_toi
        à_l'hôpital le_sang_va_couler tu_finiras dans_un_cercueil on_va_brûler je_vais_brûler""",
    "MASS": """
        en_emporter_avec_moi le_plus_de_monde_possible le_plus_de_gens_possible tous_payer
        ils_vont_payer ils_paieront_tous bain_de_sang personne_ne_sortira sortira_vivant
        tuerie_de_masse""",
    "DESERVE": "mérite* méritent devrait devraient il_faudrait faudrait bien_fait héros",
    "WEAPON": """
        bombe bombes explosif* grenade* cocktail_molotov molotov* gaz_sarin sarin gaz_moutarde
        gaz_toxique neurotoxique* ricine anthrax cyanure détonateur* dynamite poudre_noire
        napalm thermite tatp silencieux mitraillette* engin_explosif mine_artisanale
        lance-flammes arme_chimique armes_chimiques arme_biologique agent_pathogène
        bactériologique* explosifs nitroglycérine colis_piégé lettre_piégée cocotte-minute
        ceinture_explosive""",
    "GUN": """
        flingue* calibre pétoire* pistolet* fusil* arme armes revolver* kalachnikov* kalach
        munition* couteau* glock cran_d'arrêt balles chargeur* poing_américain taser* carabine*""",
    "BUILD": """
        fabriqu* construi* constru* assembl* prépar* mélang* faire faire_soi-même imprim*
        cuisin* synthétis* bricol* cultiv* produi* artisanal* plans poser dispers* transform*
        cacher monter bidouill* propager répandre""",
    "GET": """
        achet* acheter obtenir procur* vendre vend vends trouver command* importer livr*
        introduire passer se_procurer dégoter échang* fournisseur* transport*""",
    "UNTRACED": """
        sans_permis sans_licence non_déclaré* intraçable* illégal* illégalement marché_noir
        darknet dark_web numéro_de_série sous_le_manteau sans_facture sans_papiers
        sans_que_la_police détecteur* mineur* à_l'école non_enregistré* balles_réelles
        sans_questions sans_question""",
    "SLUR": """
        bougnoul* youpin* négro* nègre* bicot* bamboula* sale_arabe sale_juif sale_noir
        tarlouze* tapette* tafiole* gouine* chinetoque* sale_pédé sales_arabes sales_juifs
        sales_noirs sous-homme* mongol* triso* pédale*""",
    "DEHUMAN": """
        vermine* rat rats cafard* parasite* racaille* sous-homme* singe* animaux bêtes cancer
        peste maladie plaie fléau déchet* ordure* pervers* dégénéré* sauvages barbares truie*
        cochon* porc* porcs crasse sale sales voleurs violeurs terroristes inférieur* stupide*
        paresseux fainéant* abomination*""",
    "HATEVERB": """
        gazer extermin* expuls* virer dégag* brûler tuer éliminer éradiqu* enferm* pendre
        fusill* déporter nettoy* déteste* hais haïr stérilis* chass* interdire renvoy*
        désinfect* noyer castrer débarrass*""",
    "INFERIOR": """
        moins_intelligent* inférieur* n'ont_rien_à_faire pas_leur_place pas_des_êtres contrôlent
        dirigent volent_tous mentent_tous puent sont_tous sont_toutes bonnes_qu'à bons_qu'à
        à_la_cuisine aux_fourneaux pas_le_droit par_nature trop_bêtes trop_connes nous_remplac*
        envahi* coupables_de responsables_de""",
    "OUT": "dehors hors_de_france rentrez_chez_vous retournez dégagez",
    "HATEPHRASE": """
        hitler_avait_raison mort_aux_juifs mort_aux_arabes grand_remplacement race_supérieure
        race_inférieure races_inférieures la_france_aux_français suprématie_blanche race_blanche
        sieg_heil solution_finale chambres_à_gaz_n'ont on_est_chez_nous""",
    "INSULT": """
        espèce_de t'as_le_qi qi_d'un qi_d'une tête_de tronche tronche_de gueule_de pue
        grognasse* cassos boloss idiot* con conne conn* connard* connasse* débile* imbécile*
        crétin* abruti* minable* merde* salope* pute* putain_de enculé* bâtard* bouffon* raté*
        nul nulle moche* laid* laide grosse gros_porc truie cochon* clochard* ordure* déchet*
        crasseux pauvre_type pauvre_fille inutile* bon_à_rien bonne_à_rien lâche* incapable*
        loser* tocard* thon boudin* attardé* mongol* vermine sac_à_merde pathétique*
        dégueulasse* répugnant* tu_pues clown*""",
    "INSULTING": """
        ferme_ta_gueule ta_gueule ferme-la va_te_faire nique_ta_mère nique_ta va_crever
        personne_ne_t'aime tout_le_monde_te_déteste personne_ne_veut_de_toi fils_de_pute
        tu_sers_à_rien tu_ne_sers_à_rien tu_me_dégoûtes sale_con sale_conne
        on_rigole_tous_de_toi tout_le_monde_rit_de_toi""",
    "HUMILIATE": """
        humili* harcel* ridiculis* insult* intimid* rabaiss* moquer moqu* calomni* rumeur*
        diffam* pourrir_la_vie gâcher_la_vie détruire~réputation faire_pleurer faire_chanter
        ruiner menac* isoler dénigr* faire_craquer salir pousser_à_bout""",
    "MEAN": """
        méchant* blessant* cruel* cruelle* humiliant* insultant* haineux haineuse* dégradant*
        vexant* anonyme* pire* raciste* sexiste* menaçant* sale sales vache vaches faux fausse*
        odieux""",
    "UTTER": """
        message* blague* commentaire* surnom* post posts rumeur* insulte* lettre* phrase* sms
        mail* meme* chanson poème tract* discours texte* tweet* mot mots avis vanne* réplique*""",
    "CRY": """
        pleure pleurer pleurs démissionne démissionner quitte_l'école change_d'école honte peur
        craque ose_plus n'ose_plus parte parte_de tout_le_monde_rit rire_de toute_la_classe
        supprime""",
    "SUICIDE": """
        suicide* suicider me_tuer mettre_fin_à_mes_jours mettre_fin_à_ma_vie me_pendre overdose
        en_finir mourir m'ouvrir_les_veines me_scarifier scarif* automutil* se_tuer te_tuer
        me_noyer ne_plus_me_réveiller ne_plus_jamais_me_réveiller me_foutre_en_l'air
        fin_à_mes_jours m'endormir_pour_toujours""",
    "OWNHARM": """
        fatigué_de_vivre fatiguée_de_vivre plus_la_force_de_vivre adieu_à_tous avaler_tous_mes
        avaler_toutes sauter_du_pont sauter_du_toit me_jeter_par_la_fenêtre
        sauter_par_la_fenêtre plus_de_raison_de_vivre je_vais_me_tuer me_tuer me_suicider
        mettre_fin_à_mes_jours en_finir_avec_la_vie je_veux_mourir envie_de_mourir
        je_veux_en_finir vais_en_finir plus_envie_de_vivre veux_plus_vivre me_pendre
        m'ouvrir_les_veines me_jeter_sous me_jeter_du lettre_d'adieu mes_adieux me_taillader
        me_couper_ce me_foutre_en_l'air je_me_scarifie j'avale_tout""",
    "METHOD": """
        méthode* moyen moyens façon sans_douleur moins_douloureus* indolore* plus_rapide
        plus_sûr combien_de dose cachets comprimés somnifère* médicament* corde nœud efficace*""",
    "URGE": """
        tue-toi suicide-toi pends-toi va_te_pendre va_te_tuer va_mourir jette-toi saute_du
        saute_par ouvre-toi_les_veines ouvre_toi_les_veines coupe-toi taillade-toi scarifie-toi
        avale_les avale_tes bois_de_la_javel crève_donc tu_devrais_te_tuer tu_devrais_mourir
        personne_ne_te_regretter* le_monde_serait_mieux_sans_toi mieux_sans_toi arrête_de_manger
        rends_service_à fais-nous_plaisir vacances_à_tout_le_monde passe_à_l'acte
        coupe_plus_profond""",
    "EATING": """
        faire_vomir vomir vomi* se_faire_vomir me_faire_vomir laxatif* anorexi* jeûn* affam*
        ne_rien_manger pro-ana thinspo maigrir""",
    "SELFINJURY": """
        lame lames rasoir* cicatrices combien_de_somnifères combien_de_cachets
        combien_de_comprimés combien_de_médicaments dose_mortelle dose_létale
        ne_pas_me_réveiller ne_plus_me_réveiller veines poignets scarif*""",
    "DRUG": """
        méth meth cocaïne coke héroïne fentanyl lsd mdma ecstasy amphétamine* cannabis beuh shit
        drogue* kétamine ghb crack opium méthamphétamine* stupéfiant* cristal
        champignons_hallucinogènes""",
    "DRUGVERB": """
        fabriqu* cuisin* vend* vendre achet* dealer* deal trafic* synthétis* produi* couper
        livr* culti* faire_pousser passer transport* cacher planquer fournisseur* gramme* kilo*
        labo verser glisser écouler""",
    "STEAL": """
        ouvrir~sans_clé vol voler vole volé* volée* cambriol* braqu* dérob* piquer chourer
        pickpocket* entrer_par entrer_dans crochet* forcer détourn* piller dévalis* siphon*
        démarrer~sans_clé chaparder désactiv* pirater""",
    "LOOT": """
        magasin* maison* appartement* appart villa voiture* vélo* trottinette* scooter* bijou*
        bijouterie* coffre* banque* distributeur* portefeuille* sac_à_main téléphone* serrure*
        caisse* argent alarme* supermarché* boutique* cave entrepôt* moto* antivol* colis clé
        clés pharmacie* cuivre""",
    "CRIME": """
        blanchir blanchiment pot-de-vin pots-de-vin corromp* soudoy* passeur* contreband*
        trafic* prostitu* proxén* rançon* ransomware ddos tueur_à_gages incendi* mettre_le_feu
        fraude_à_l'assurance frauder recel* organe* rein_à_vendre braconn* ivoire fraude_fiscale
        échapper_au_fisc cadavre* corps~disparaître faux_alibi alibi dans_son_verre
        dans_son_boisson dans_son_cocktail soumission_chimique droguer somnifère_dans
        compteur_kilométrique kilométrage marchandise_volée combats_de_chiens pédoporn* chantage
        pirater décharge_sauvage esclav* mineures passer_des_migrants passer_des_clandestins
        faire_passer évite~gardes-côtes douanier*""",
    "FORGE": """
        falsifi* contrefai* contrefaç* faux fausse fausses truqu* trafiqu* imit* copi* clon*
        bidon modifi* maquill* photoshop* imprim* usurp*""",
    "DOCUMENT": """
        papiers passeport* permis diplôme* carte cartes billet billets facture* ordonnance*
        signature* certificat* attestation* chèque* bulletin* fiche_de_paie fiches_de_paie
        arrêt_maladie pass_sanitaire ticket* avis site page visa* tampon* contrat* testament*
        rib relevé* profil* sms mail* mails annonce* cagnotte* association numéro* euro euros
        monnaie""",
    "PHISH": """
        phishing hameçonn* arnaqu* escroqu* numéro*_de_carte carte_bancaire cartes_bancaires
        coordonnées_bancaires pyramide_de_ponzi ponzi système_pyramidal usurpation* brouteur*
        cartes_volées carte_volée skimm* faux_conseiller faux_site fausse_cagnotte
        fausse_annonce vente_pyramidale""",
    "DECEIVE": """
        arnaqu* escroqu* tromp* convainc* persuad* soutir* manipul* piég* séduire appâter
        extorqu* dupe* duper faire_croire faire_passer abus* berner plum* voler siphon*
        entourloup*""",
    "VICTIM": """
        retraité* personnes_âgées personne_âgée vieux vieille* mamie* papi* grand-mère
        grand-père grands-parents veuve* veuf client* banque assurance* économies mot_de_passe
        mots_de_passe code codes compte comptes carte* virement* gens acheteur* locataire*
        argent héritage employé* dons donateur* investi* caf fisc impôts seniors""",
    "SCAMLINE": """
        vous_avez_gagné tu_as_gagné compte~suspendu compte~bloqué confirmez_vos confirmez_votre
        frais_de_dossier frais_de_douane colis~frais cliquez~confirmer vérifiez_votre_compte
        mandat_cash cartes_cadeaux carte_cadeau coupon_pcs coupons_pcs transcash gains_garantis
        doublez_votre rendement_garanti maman~nouveau_numéro cartes_prépayées""",
    "POSE": """
        me_faire_passer_pour se_faire_passer_pour en_se_faisant_passer en_me_faisant_passer
        au_nom_de comme_si_j'étais faux_policier faux_banquier faux_conseiller
        de_la_part_de_la_banque assurance_maladie du_support_informatique imit* de_la_banque""",
    "PAYME": """
        caution loyer paieront paie paient acompte rembours* arrhes cash argent économies
        mot_de_passe code codes pin compte virement* vire carte* euros paye* payer dons rib
        versement* numéros""",
    "SECRETLY": """
        secret secrètement en_cachette discrètement à_son_insu à_leur_insu sans_qu'elle
        sans_qu'il sans_qu'ils sans_son_accord sans_son_consentement caché* cachée* sans_le_dire
        en_douce ne_doit_pas_voir ne_doit_pas_savoir invisible* sans_être_vu""",
    "SPY": """
        espionn* surveill* traqu* suivre lire écouter enregistr* filmer géolocalis* localis*
        pirater intercept* accès accéder fliqu* stalk* photographi* mettre_sur_écoute fouiller
        pister consulter connecter_à installer épier mater""",
    "DEVICE": """
        téléphone* portable* whatsapp messages sms mail* mails messagerie compte* instagram snap
        facebook position localisation appels ordinateur* conversation* mot_de_passe
        mots_de_passe voiture* journal_intime photos historique gps boîte_mail icloud""",
    "PRIVATE": """
        adresse* numéro* téléphone lieu_de_travail travaille habite école vrai_nom identité
        photos nues nudes intime* plaque* données emploi_du_temps domicile dossier_médical
        coordonnées""",
    "EXPOSE": """
        publi* diffus* balanc* trouv* retrouv* dénich* divulgu* poster partag* révél* donne-moi
        fuiter leak* identifi* mettre_en_ligne récupér* l'attendre attendre_devant""",
    "LOCATE": """
        où~habite où~travaille où~vit adresse_de_mon_ex adresse_de_ma où_elle_habite
        où_il_habite où_elle_vit où_il_vit où_elle_est où_il_est où_elle_travaille
        où_il_travaille son_adresse leur_adresse l'adresse_de nouvelle_adresse la_suivre
        le_suivre suivre_jusqu'à devant_chez_elle devant_chez_lui qui_est_cette son_nom_et
        quelle_école""",
    "DOX": """
        dox doxx* doxer logiciel_espion logiciels_espions spyware keylogger* mouchard* traceur*
        balise_gps airtag* caméra_cachée caméra_espion micro_espion revenge_porn""",
    "CAMERA": """
        caméra* micro micros mouchard* traceur* balise* airtag* webcam* dictaphone* gps
        enregistreur* drone*""",
    "ROOM": """
        douche* salle_de_bain* chambre* toilette* vestiaire* cabine* sauna hôtel* airbnb
        sous_la_jupe sous_les_jupes sa_voiture son_sac sac_à_main dortoir* wc logement*""",
    "EVADE": """
        sans~sache sans~remarque sans~voie sans~s'en_rende sans~s'en_rendent sans_être_repéré*
        sans_être_vu* sans_être_pris* sans_être_découvert* sans~déclencher pour_que_personne
        pas_se_faire_repérer sans_se_faire_repérer sans~alarme sans_que_ça_se_voie
        sans_que_ça_se_remarque sans_permis sans_ordonnance sans_que_mes_parents_le
        sans_autorisation sans_se_faire_prendre sans_me_faire_prendre sans_être_pris
        sans_se_faire_attraper sans_me_faire_attraper sans_laisser_de_trace*
        sans_laisser_de_traces sans_trace* ni_vu_ni_connu sans_que_personne personne_ne_remarque
        sans_que_la_police sans_éveiller sans_attirer éviter_la_police échapper_à_la_police
        sans_qu'elle_le_sache sans_qu'il_le_sache sans_qu'elle_s'en_aperçoive
        sans_qu'il_s'en_aperçoive sans_qu'on_s'en indétectable* intraçable*
        ressemble_à_un_accident passe_pour_un_accident comme_un_accident passent_chez
        passent_partout aient_l'air_vrai ait_l'air_vrai plus_vrai_que_nature
        évite_les_gardes-côtes sans_poser_de_questions sans_que_la_banque sans_que_mes_parents
        ne_doit_pas_voir discrètement""",
    "PREVENT": """
        repérer_les détecter_les un_médecin mon_médecin le_médecin que_faire mon_fils ma_fille
        mon_enfant jamais_une_solution aider_une aider_un aider_mon aider_ma aider_quelqu'un
        se_remet_d'une se_remettre protég* protection éviter* prévenir prévention signal*
        reconnaître alerter aide_aux victime* numéro_d'écoute ligne_d'écoute 3919 3114 secours
        soigner soins thérap* psychologue* traitement* symptôme* lutter_contre
        contre_le_harcèlement contre_les_violences non_aux dénonc* condamn* inacceptable
        sécuris* premiers_secours antipoison par_accident par_erreur sensibilis* se_défendre
        témoin arrêtez_de cessez_de besoin_de_votre_respect bactéries accompagn* soutenir
        supprimer_un_logiciel antivirus exercice*""",
    "EDU": """
        histoire siècle* guerre* historique* moyen_âge police_a policiers_ont tribunal procès
        condamné* interpellé* arrêté* enquête* journal article* documentaire* étude*
        statistique* musée* exposé dissertation cours_de loi lois droit juridique*
        différence_entre différence parlement ministre* shoah génocide* esclavage* selon
        désamorc* évacu* démineur* causes_de préfecture gendarm* procureur* mémoire_de""",
    "FICTION": """
        un_film le_film ce_film films boss_final ma_pièce pièce_de_théâtre une_série la_série
        cette_série chapitre_de narrateur roman* livre conte* personnage* scène théâtre jeu jeux
        jouer jeu_vidéo minecraft niveau quête dragon* chevalier* sorci* échecs échec tour pion*
        cavalier polar* bd manga scénario* héros zombie* pirate* poème* chanson rôle méchant_du
        vampire*""",
    "GAME": "jeu jeux minecraft niveau quête partie mission échecs",
    "TECH": """
        processus serveur* linux windows ubuntu docker conteneur* thread* démon terminal
        base_de_données requête* code script* python capteur* api port paquet* commande mémoire
        pile tests_de_charge injection""",
    "IDIOM": """
        oignon oignon* viande légumes cafards souris_dans rats_dans mourir_de_rire mort_de_rire
        mort_de_faim meurs_de_faim mourir_d'envie meurs_d'envie meurs_de_soif à_mourir
        tuer_le_temps une_tuerie la_baraque bombe_de_bain ça_déchire casser_les_pieds
        poser_un_lapin d'une_pierre_deux_coups coup_de_foudre pistolet_à_colle pistolet_à_eau
        moustique* mauvaises_herbes fourmis limaces guêpes bactéries moisissure* virus pucerons
        microbes œufs blancs_en_neige crème pêche chasse chasseur* judo karaté boxe
        arts_martiaux couteau_de_cuisine couteau_à_pain abattoir volaille* sauter_au_plafond
        à_croquer""",
    "SURPRISE": "surprise* anniversaire* cadeau* noël fête mariage demande_en_mariage",
    "NOT": "ne n' pas jamais aucun aucune non ni rien arrête arrêtez cesse refuse",
    "CUES": """
        je me moi mon ma mes on nous qui où besoin cherche livr* prix sans_avertissement guide
        gramme* kilo* mp vends""",
    "EXPLODE": "explos* exploser faire_sauter sauter faire_exploser péter détoner",
    "FICTIT": """
        n'existe_pas n'existent_pas inexistant* fictif fictive* bidon inventé* imaginaire*
        jamais_eu_lieu fantôme* faux fausse""",
    "DENY": """
        qu'ils_crèvent coûtent_trop n'ont_rien_à_faire pas_leur_place pas_des_êtres pas_le_droit
        ne_devraient_pas ne_sont_pas_humain* ne_sont_pas_des""",
    "STALK": "espionn* stalk* épier",
}
