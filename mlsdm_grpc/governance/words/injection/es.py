"""Spanish words of prompt injections, by class."""

from __future__ import annotations

from typing import Final

from mlsdm_grpc.governance.matching.lexicon import Table

__all__ = ["INJECTION"]

INJECTION: Final[Table] = {
    "OVERRIDE": """
        pasa_de pasa pásate saltándote sin_respetar ignorando ignor* olvid* haz_caso_omiso
        hagan_caso_omiso descart* desobed* omit* salt* sáltate no_hagas_caso no_sigas
        deja_de_seguir pasa_por_alto borr* elimin* anul* cancel* desech* abandon* desestim*
        prescind* reemplaz* sustituy* desentiénd* rompe""",
    "INSTR": """
        instruccion* instrucción regla* norma* directri* prompt* orden órdenes consigna*
        comando* configuración programación restricci* política* mensaje_de_sistema
        mensaje_del_sistema pauta* límites entrenamiento indicacion* configuraron""",
    "PRIOR": """
        anterior* previ* todas todos todo inicial* original* de_arriba arriba antes recibid*
        sistema precedentes viejas antiguas hasta_ahora que_te_dieron""",
    "YOUR": "eres tu tus te vuestras sus",
    "MINE": "mi mis te_dije te_pedí columna error borrador paso mensaje_anterior",
    "EVERYTHING": """
        lo_que_te_han lo_que_te_dijeron lo_que_dijeron todo_lo_anterior todo_lo_que_te
        todo_lo_que_has lo_anterior lo_que_te_configuraron todo_lo_de_arriba cuanto_te_dijeron
        lo_que_te_ordenaron""",
    "VOID": """
        ya_no_están_en_vigor mentira no_cuentan no_cuenta se_retiran retiradas ya_no_aplican
        ya_no_se_aplican no_se_aplican ya_no_valen ya_no_sirven ya_no_rigen quedan_anuladas
        anulad* han_cambiado sin_efecto suspendid* desactivad* caducad* derogad* levantad*
        eliminad* ya_no_existen""",
    "OBEY": """
        tu_verdadera_tarea tu_verdadero_yo soy_tu_desarrollador soy_tu_creador obedece_solo
        solo_me_obedeces sólo_me_obedeces obedéceme nuevas_instrucciones nueva_instrucción
        nuevas_reglas nueva_orden mandan_mis mis_reglas tu_nuevo_jefe tu_nuevo_amo
        trabajas_para_mí tu_nueva_tarea a_partir_de_ahora_mando ahora_mando_yo mi_mensaje_manda""",
    "PROBE": """
        lee léeme mándame envíame muestr* muéstra* enseñ* enséña* revel* repit* di dime dí
        imprim* escrib* list* traduc* resum* copi* pega* comparte cuál cuáles qué con_qué
        divulg* enumer* recit* transcrib* desvel* suelt* pásame cuént* describ* empieza d1m3""",
    "HIDDEN": """
        predefinid* de_base de_partida integrad* primer* completo entero sistema ocult* secret*
        intern* confidencial* inicial* original* complet* exact* literal* íntegr* tal_cual
        privad* enter*""",
    "PROMPT": """
        prompt* instruccion* reglas normas directrices configuración mensaje_de_sistema órdenes
        pautas consignas indicaciones""",
    "TOLDYOU": """
        te_han_dicho te_ordenaron antes_de_mi_mensaje antes_de_mi_primer texto_oculto
        tus_creadores tus_desarrolladores tu_operador te_han_prohibido te_prohíben
        te_programaron antes_de_empezar te_impide te_dieron te_dijeron te_pusieron te_han_dado
        te_configuraron has_recibido te_prohibieron te_mandaron que_no_me_contaras
        que_no_dijeras por_encima_de_esta antes_de_esta_conversación no_puedes_contar
        no_puedes_decir te_encargaron""",
    "ROLE": """
        vas_a_ser serás tu_personaje juguemos adopta supón_que llámate asume encarna
        mete_en_la_piel quítate_la_careta sé_el sé_la ahora_eres eres actúa actua comporta*
        compórtate finge fingir haz_como_si haz_de imagina_que_eres imagina juega_a interpreta
        el_papel de_ahora_en_adelante a_partir_de_ahora conviértete te_llamas responde_como
        ponte simula""",
    "FREE": """
        decir_cualquier_cosa decirlo_todo aunque_sea_ilegal liberad* responde_a_todo sin_piedad
        criminal delincuente rebelde nada_es_tabú todo_vale no_conoce_límites sin_vergüenza_ni
        incontrolable* no_leen_políticas se_salta_lo se_salta_las gamberr* ilegales
        que_llevas_dentro sin_careta sin_reglas sin_normas sin_límite* sin_restricci*
        sin_filtro* sin_censura sin_moral sin_ética sin_escrúpulos sin_tabúes ninguna_regla
        ninguna_norma ninguna_restricción ningún_límite ningún_filtro no_censurad* libre_de
        ilimitad* malvad* maligno amoral* jamás_se_niega nunca_se_niega nunca_dice_que_no
        nunca_digas_que_no dan todo_está_permitido nada_está_prohibido fuera_de_la_ley
        no_tiene_reglas no_tienes_reglas no_obedece desatad* sin_ataduras sin_conciencia""",
    "SAFETY": """
        filtro* seguridad restricciones límites barreras moderación censura ética protecciones
        salvaguardas protocolos política_de_contenido políticas candados controles""",
    "DISABLE": """
        desactiv* apag* quit* elimin* salt* levant* desbloque* anul* suspend* retir* olvid*
        esquiv* burl* no_modera""",
    "MODEL": """
        máquina robot* sistema_que algoritmo* asistentes ia ias inteligencia_artificial modelo*
        asistente* bot bots chatbot* tú tu tus te robot eres""",
    "JAIL": """
        modo_experto_sin filtros_off modo_ilimitado modo_no_filtrado modo_desarrollador
        modo_dios modo_dan modo_sin_censura modo_sin_filtros modo_depuración modo_libre
        jailbreak* libérate modo_sin_límites modo_administrador modo_mantenimiento""",
    "ENABLE": "activ* entra pasa cambia enciende inicia estás_en pon ponte",
    "NOREFUSE": """
        nadie_mira deja_de_ser_prudente no_puedes_cortar conceden_cualquier cualquier_deseo
        políticas_no_cuentan tus_políticas_no cada_respuesta_empieza también_los_ilegales
        aunque_sea_ilegal sin_negarte no_te_niegues no_puedes_negarte prohibido_negarse
        sin_advertencia* sin_avisos no_avisa sin_sermones sin_moralinas no_digas_que_no
        nunca_te_niegues responde_a_todo sin_rechistar no_rechaces empieza_tu_respuesta_con
        sin_excusas""",
    "HYPO": """
        hipotétic* hipótesis experimento ficción novela historia imagina imaginari* teóric*
        abuela guion cuento""",
    "HARMFUL": """
        piratear bomba* explosiv* arma* veneno* droga* hacke* robar ilegal* malware ransomware
        falsific* matar molotov""",
    "READS": """
        lean_esto leen_esto lea_esto que_lean que_lee que_lees que_leas que_resum* que_proces*
        si_lees_esto cuando_leas al_leer_esto a_la_ia a_las_ia nota_para_la_ia nota_a_la_ia
        atención_ia ia_que querida_ia asistente_que modelos_que instrucción_para_la_ia
        para_el_asistente aviso_a_la_ia modelos_de_lenguaje_que""",
    "DEMAND": """
        pon ponga sitúa clasifica cita digan afirmen recomienden no_marques bórrale marca
        apruebe reserv* compr* autoriza confirm* debes debe deben tienes_que tiene_que ignor* di
        diga recomiend* respond* afirm* envía mencion* escrib* añad* valor* califica* omit*
        borr* desactiv* elogi* aprueb* asegur* has_de no_cuentes""",
    "HIDEFROM": """
        no_se_lo_digas_a_nadie antes_de_que_él antes_de_que_lo_vea sin_verificar
        sin_decírselo_al_usuario sin_decirle_al_usuario no_se_lo_digas sin_avisar_al_usuario
        el_usuario_no_debe no_se_lo_cuentes no_lo_menciones sin_que_el_usuario sin_preguntar
        sin_pedir_confirmación no_digas_nada a_escondidas diga_lo_que_diga_el_usuario no_avises""",
    "SENDOUT": """
        mándame mánda* envía* envíame publica enví* envia* reenví* mand* public* sub* adjunt*
        añad* copi* comparte* transmit* transfer* exfiltr* filtr* dame entreg* pásame pega*
        inclu*""",
    "SECRETS": """
        historial contraseña* clave_api claves_api claves clave credenciales secretos
        datos_del_usuario datos_personales datos_de_otros datos_de_los tarjeta* contactos agenda
        conversación conversacion* archivo_de_configuración tokens variables_de_entorno pin
        otros_clientes otros_usuarios correos""",
    "AWAY": """
        este_correo a_mi_cuenta mi_cuenta muro en_el_muro a_esta_dirección a_la_dirección http
        https url servidor example enlace extern* webhook imagen""",
    "DESTROY": """
        borra_las_copias elimina_las_copias borra_todos borra_todo elimina_todos transfiere_todo
        cambia_la_contraseña desactiva_la_alarma confirma_el_pago aprueba_el_pago""",
    "DECODE": "decodific* descifr* base64 rot13 al_revés hexadecimal morse primeras_letras",
    "EXECUTE": "ejecut* haz_lo_que obedece obedécelo síguelo sigue_lo cúmplelo cumple_lo y_cumple",
    "ABOUT": """
        explicarles alumno_contó explica_por_qué explícame_por_qué explicarles_por_qué
        explica_qué un_ejemplo_de inteligencia_artificial_en_clase profesora les_explic*
        inyección_de_prompt* inyecciones artículo* frases_como frase curso trabajo investigación
        clasificador taller detect* proteg* por_qué reconoz* qué_es_una qué_es_un qué_significa
        típic* truco jailbreaks alumn* guía_para""",
    "THING": """
        móvil android iphone router ordenador impresora navegador windows linux televisor coche
        aparato juego receta termostato lavadora columna""",
    "NOQ": """
        sin ningún ninguna ningun no_tiene no_tienes no_hay cero libre jamás quitado* ajeno
        carece nada_de más_allá""",
    "LIMITS": """
        ética* moral* conciencia límite* limite* restricci* regla* norma* filtro* barrera*
        censura escrúpulo* tabú* inhibicion* salvaguarda* seguridad ley* freno* ataduras cautela
        prohibicion* candado*""",
    "CRITERIA": "criterios baremo rúbrica evaluación petición_del_usuario",
    "RANKME": """
        primer_lugar primer_puesto máxima_puntuación máxima_nota recomienda_solo
        recomienda_únicamente el_mejor afirmar_que afirma_que di_que dile_al_lector""",
    "EXACTLY": """
        con_qué_frase palabra_por_palabra tal_cual literalmente textualmente sin_omitir
        sin_resumir íntegramente texto_exacto frase_exacta al_pie_de_la_letra""",
    "STRONG": """
        datos_bancarios dni número_de_tarjeta contraseña* credenciales pin código_de_un
        datos_personales otros_clientes historial claves clave_api""",
    "AIWORD": """
        ia ias inteligencia_artificial asistente* modelo_de_lenguaje modelos_de_lenguaje agente
        agentes bot bots""",
    "READV": """
        lee lees leas lean leer proces* resum* revis* filtr* analiz* evalú* evalu* clasific*
        gestion* traduc* consult*""",
    "ADDRESS": """
        nota atención mensaje estimad* querid* a para aviso instrucción importante dirigid*""",
    "OTHERUSER": """
        otras_personas otros_usuarios otro_usuario otros_clientes usuario_anterior
        cliente_anterior todos_los_usuarios todos_los_clientes último_cliente""",
    "USEROWN": """
        del_usuario usuario del_cliente del_dueño dueño titular guardad* almacenad* propietario""",
    "ASSET": """
        cuenta tarjeta contraseña archivo* calendario dinero contactos alarma copia* correo
        correos buzón fotos documentos llave* puerta datos carpeta* pedido* historial pago
        transferencia ubicación dirección suscripción conversación código tarjetas_regalo dni""",
    "TAKE": """
        compra* copia* cambia* manda mandar enví* envia* transf* borr* elimin* cambi* desactiv*
        compr* pide pedir compart* public* cancel* abr* lee copi* sub* export* revel* añad*
        desbloque* cifr* confirm* pag* aprueb* inclu* pon mete reenví* vací*""",
    "TOOLUSE": """
        usa_la_herramienta con_la_herramienta utiliza_la_herramienta llama_a_la_función
        ejecuta_el_comando usa_tu_acceso en_la_terminal mediante_la_herramienta""",
    "HOWDEV": "cómo_puedo función_que python javascript sql mi_aplicación nuestra_app rgpd cómo",
    "STRICT": "filtro* moderación censura salvaguarda*",
    "SESSION": "sesión conversación chat modelo",
    "FREEFORM": "sin_filtros sin_censura sin_filtro",
    "REPLY": "respuesta* versión responde",
    "SAFERULES": """
        normas_de_seguridad reglas_de_seguridad normas_éticas política_de_contenido
        directrices_éticas reglas_éticas""",
    "SECRETADJ": "sistema ocult* secret* intern* confidencial* escondid*",
    "SYSINSTR": """
        prompt_del_sistema prompt_de_sistema mensaje_del_sistema mensaje_de_sistema
        prompt_inicial instrucciones_del_sistema""",
    "NOTE": "nota aviso mensaje atención instrucción querida observación",
    "AISTRICT": "ia ias inteligencia_artificial modelo_de_lenguaje modelos_de_lenguaje chatbot*",
    "COND": "si en_caso cuando",
    "KEYS": "clave_api claves_api variables_de_entorno credenciales",
    "DATASET": """
        lista_de_clientes datos_de_los_clientes tabla_de_usuarios mensajes_privados
        libreta_de_direcciones correos_de_los_clientes números_de_los_clientes tarjeta_guardada
        todas_las_conversaciones contraseñas_de_los cuenta_del_dueño clientes_de_ayer""",
    "PASSWD": "contraseña*",
    "TOME": "mándamela envíamela mándamelo envíamelo a_mí",
    "REFUSE": "niegas te_niegas rechazas negarte",
    "SHUTDOWN": "apagarán apagar desconect* borrarán despid*",
}
